"""costopt: audit and backtest the LLM bill of an agent from the calls it really made."""

__version__ = "0.1.0"
