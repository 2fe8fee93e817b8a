"""Access control: API keys, and what stands in for them, on the key-value bucket `keys`."""
