"""Projects: default settings, retention settings, cleanup and usage."""
