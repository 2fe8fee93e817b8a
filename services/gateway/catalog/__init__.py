"""Catalog: what this deployment offers, and pages that say what everything is."""
