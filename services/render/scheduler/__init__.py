"""Scheduler: moves queued jobs to their lanes, fair by project and weighted by priority."""
