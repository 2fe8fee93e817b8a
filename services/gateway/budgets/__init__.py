"""Budgets in the gateway: a paid job is accepted in one commit with its hold."""
