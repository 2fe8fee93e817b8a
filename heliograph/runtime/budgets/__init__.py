"""Budgets on the bus: what costs money is committed together with the budget that holds its price."""
