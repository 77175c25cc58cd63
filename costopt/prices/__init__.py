"""Floor 1: the price book. Rates at each call's own date, overlays, provider cache rules as data."""
