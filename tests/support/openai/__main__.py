"""`python -m tests.support.openai --port 9558`: listen until told to stop."""

from tests.support.emulation.emulator_process import listen
from tests.support.openai.app import create_app

if __name__ == "__main__":
    listen("openai", create_app())
