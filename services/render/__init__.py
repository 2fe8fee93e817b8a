"""
Render: run messages in, one submission per attempt out, rendered jobs to storage.

`scheduler` decides whose turn it is; `worker` runs a job; `providers` are the hosted models.
"""
