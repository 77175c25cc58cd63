"""Prove a projection: plan what is sent and what it costs, execute it under a ledger, compare."""
