"""Requests as providers read them: one file a language, and what the languages differ in."""
