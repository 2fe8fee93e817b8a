"""
What emulated providers have in common: accounts by key, plans by prompt, and a door for tests.

Every key is an account of its own. What goes wrong with a request is planned beforehand, by its
prompt; what was accepted is asked for at the door.
"""
