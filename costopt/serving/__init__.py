"""Floor 2: the self-hosting simulator, pure."""
