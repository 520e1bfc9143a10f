"""Risk: what may be traded, with how much money, and when nothing may. Pure state machines, owned by actors.

Read :mod:`actors.risk.guard` first: it is the one door. `docs/risk.md` has worked examples.
"""
