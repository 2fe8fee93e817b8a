"""
What emulated providers have in common: accounts by key, plans by prompt, and a control API for tests.

Every key is an account of its own. What goes wrong with a request is planned beforehand, by its
prompt; accepted submissions are read from the control API.
"""
