"""Speculative decoding: what acceptance means, its gain by load, and what the user's own texts give."""
