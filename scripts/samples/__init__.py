"""A small company's agents, written for this repository: support desk, coding agent, nightly digest."""
