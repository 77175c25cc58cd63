"""The step model's constants from measurements of one running server: pure, no clock and no network."""
