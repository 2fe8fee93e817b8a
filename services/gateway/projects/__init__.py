"""Projects: default settings, retention settings and cleanup."""
