"""Floor 3: one file per kind of waste, pure; its docstring is its page."""
