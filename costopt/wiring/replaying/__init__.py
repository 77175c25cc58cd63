"""A replay wired: what is asked, its endpoints, the question before money, the run, what it proves."""
