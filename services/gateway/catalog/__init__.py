"""Catalog of the deployment: models, kinds, the index, and API documents."""
