"""The user's `prices.yaml`: own models, negotiated prices and discounts, deployments, seats, own GPUs."""
