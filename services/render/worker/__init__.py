"""Worker: runs one attempt of a job, from its run message to its outcome."""
