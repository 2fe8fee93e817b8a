"""How fast Heliograph is, next to its peers and to what the machine can do at all."""
