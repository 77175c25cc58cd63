"""Floor 5: one file per import format. A source normalises a log into `model.call` rows."""
