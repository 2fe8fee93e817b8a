"""Budgets in the gateway: what costs money is accepted in one commit with what it holds."""
