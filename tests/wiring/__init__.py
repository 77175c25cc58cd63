"""Tests of what the commands wire together."""
