"""Placeholder pictures and films of the sim provider; no other provider uses them."""
