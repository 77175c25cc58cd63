"""Floor 3: one file per check, pure; its docstring is its page."""
