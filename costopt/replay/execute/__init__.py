"""Send what was planned: each attempt stands in the ledger before it is sent, and is settled after."""
