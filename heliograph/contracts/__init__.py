"""
Contracts between all parts of Heliograph. Pure data and pure functions: no I/O, no framework.

Start with `records` (what a job looks like), `job_events` (what can happen to it) and
`state_machine` (what that makes of it); then `requests` (what can be asked), `cloudevents` and
`subjects` (how it travels).
"""
