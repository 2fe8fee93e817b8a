"""Maintenance: sweeper, retention and log compaction, each under a lease."""
