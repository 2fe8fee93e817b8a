"""Guarded fetching of addresses that callers and providers give (protection against SSRF)."""
