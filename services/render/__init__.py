"""
Render: jobs from the queue in; requests to providers out, one per attempt; rendered jobs to storage.

`scheduling` and `dispatching` decide whose turn it is; `rendering` is the life of one run.
"""
