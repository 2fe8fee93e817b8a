"""All of Heliograph in containers: the secrets of `deploy/compose.yaml`, and a demo."""
