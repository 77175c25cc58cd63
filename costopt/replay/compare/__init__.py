"""Predicted against measured, answers against answers, and the evidence that is written back."""
