"""HTTP of every service: the application factory, validation, bodies and health."""
