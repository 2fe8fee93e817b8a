"""`python -m tests.support.fal --port 9555`: listen until told to stop."""

from tests.support.emulation.emulator_process import listen
from tests.support.fal.app import create_app

if __name__ == "__main__":
    listen("fal", create_app())
