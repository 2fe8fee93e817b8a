"""
The bus in memory, for tests: the same promises, and a gate before every act.

A `gate` decides when each act of a handler happens, and in which order.
"""
