"""
An emulated OpenAI: images, on one port.

    python -m tests.support.openai --port 9558

Then `HELIOGRAPH_OPENAI_BASE_URL=http://127.0.0.1:9558/v1` and any `OPENAI_API_KEY` lead there.
"""
