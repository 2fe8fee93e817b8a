"""Jobs: submission, idempotent acceptance, retry, cancellation and views."""
