"""Parts of scripts/study.py: one file a claim, and the page made of them."""
