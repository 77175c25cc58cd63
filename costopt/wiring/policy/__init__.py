"""`policy.yaml`: read with line numbers, checked, described as JSON Schema, written, and proposed."""
