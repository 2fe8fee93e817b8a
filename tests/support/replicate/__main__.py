"""`python -m tests.support.replicate --port 9556`: listen until told to stop."""

from tests.support.emulation.emulator_process import listen
from tests.support.replicate.app import create_app

if __name__ == "__main__":
    listen("replicate", create_app())
