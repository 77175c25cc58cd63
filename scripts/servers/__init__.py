"""Model servers that other people wrote, started here on this machine, offline, on its CPU."""
