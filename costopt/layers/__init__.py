"""Floor 3: one file per optimization layer, pure."""
