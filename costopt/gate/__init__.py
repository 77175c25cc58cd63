"""Floor 5: two results and rules become a verdict. Pure, deterministic, offline."""
