"""
An emulated fal: its queue, storage, media, request list and webhooks, on one port.

    python -m tests.support.fal --port 9555

Then `HELIOGRAPH_FAL_BASE_URL=http://127.0.0.1:9555` and any `FAL_KEY` lead there. Every key is an
account of its own. What goes wrong with a request is planned beforehand, by its prompt: see `Plan`.
"""
