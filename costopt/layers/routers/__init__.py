"""Classifiers of `route`, one file each: what tier a call belongs to, and what asking costs."""
