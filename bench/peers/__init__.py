"""
Other job queues on the same jobs. Each module is a program for the peers' own environment.

It reads a `Task` as JSON on the command line, queues all jobs, lets one worker process run them,
and prints a `[start, end]` for each, in seconds. Nothing here imports anything of ours but `task`.
"""
