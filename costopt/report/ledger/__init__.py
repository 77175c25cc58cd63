"""The ledger as a file: one row a call, as CSV, Parquet or JSONL, under our names or those of FOCUS."""
