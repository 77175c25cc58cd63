"""Parts of scripts/validate.py: each prints figures beside what must come out."""
