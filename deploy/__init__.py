"""Deployment of Heliograph: on one machine, in containers and in clusters."""
