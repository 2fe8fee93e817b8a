"""Limits: concurrency of lanes and accounts, queue quota, and capacity of the event log."""
