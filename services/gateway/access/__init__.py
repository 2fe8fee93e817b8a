"""Keys and tickets: who may use this deployment, and what for."""
