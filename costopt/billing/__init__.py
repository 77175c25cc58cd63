"""Floor 2: a view becomes a bill; what the provider's prompt cache would have served; reconciling."""
