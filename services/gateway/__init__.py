"""Gateway: the REST API. Accepts jobs, retries and cancel requests, and serves reads."""
