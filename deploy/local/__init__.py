"""All of Heliograph on this machine: `python -m deploy.local up`, or `demo`."""
