"""Operator commands, which work on NATS and the store themselves, without a gateway."""
