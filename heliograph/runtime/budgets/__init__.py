"""Budgets on the bus: a paid event is committed together with the budget record that holds its price."""
