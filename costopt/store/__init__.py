"""Floor 5: the only DuckDB."""
