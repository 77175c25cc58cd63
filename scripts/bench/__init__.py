"""Parts of scripts/benchmark.py: generated logs, timed children, tables."""
