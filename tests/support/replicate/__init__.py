"""
An emulated Replicate: predictions, their list, files, and what models made, on one port.

    python -m tests.support.replicate --port 9556

Then `HELIOGRAPH_REPLICATE_BASE_URL=http://127.0.0.1:9556` and any `REPLICATE_API_TOKEN` lead there.
"""
