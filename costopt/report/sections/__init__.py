"""One file per section: result in, card out. No HTML here."""
