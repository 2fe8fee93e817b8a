"""Bulk requests: batches, actions on many jobs, and pairs of reference pictures."""
