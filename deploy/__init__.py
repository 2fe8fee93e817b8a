"""How Heliograph is run: on one machine here, in containers and clusters beside it."""
