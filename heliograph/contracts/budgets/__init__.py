"""
Budgets: how much the jobs of a project may cost in a day, in a month and in all.

The balances of a project are one message in the event log, which is written together with the jobs that
it counts. Everything here is data and pure functions. Amounts are exact decimals.
"""
