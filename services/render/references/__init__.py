"""References: resolved to URLs that a provider can fetch, or uploaded to it once (upload cache)."""
