"""Floor 4: the audit and the backtest: runs the pieces over a trace and builds the result."""
