"""
The language every part of Heliograph speaks. Pure data and pure functions: no I/O, no framework.

Start with `records` (what a job looks like), `facts` (what can happen to it) and `jobs` (what that
makes of it); then `requests` (what can be asked), `events` and `subjects` (how it travels).
"""
