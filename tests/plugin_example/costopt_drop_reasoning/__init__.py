"""A layer of another package."""
