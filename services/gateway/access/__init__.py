"""API keys, sessions and tickets."""
