"""Queries that services answer each other over the bus, as request and reply."""
