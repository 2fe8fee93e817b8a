"""
Render: jobs from the queue in; requests to providers out, one per attempt; rendered jobs to storage.

`scheduler` decides whose turn it is; `worker` runs a job; `providers` are the hosted models.
"""
