"""One file per face of a card."""
