"""
An emulated Gemini: `generateContent`, on one port.

    python -m tests.support.gemini --port 9557

Then `HELIOGRAPH_GEMINI_BASE_URL=http://127.0.0.1:9557` and any `GEMINI_API_KEY` lead there.
"""
