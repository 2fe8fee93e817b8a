"""Slots: their versions, and which one is current."""
