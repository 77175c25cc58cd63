"""Floor 0: frozen types over columns. No input or output happens here."""
