"""Uploads: files of clients, with a quota and a retention."""
