"""Images of the services, and of servers that cannot be pulled: `python -m deploy.images`."""
