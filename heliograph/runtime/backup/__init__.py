"""Backup and restore of a deployment: streams and buckets of NATS, and the objects of the store."""
