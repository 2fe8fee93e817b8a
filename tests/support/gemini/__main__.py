"""`python -m tests.support.gemini --port 9557`: listen until told to stop."""

from tests.support.emulation.emulator_process import listen
from tests.support.gemini.app import create_app

if __name__ == "__main__":
    listen("gemini", create_app())
