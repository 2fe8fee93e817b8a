"""
Gateway: HTTP in; accepted jobs, wishes to cancel and retries out. The one REST front door.
"""
