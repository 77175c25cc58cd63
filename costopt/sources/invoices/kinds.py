"""What a line charges for, told from its words where the export has no field for it."""

from __future__ import annotations

import re

from costopt.model.invoice import LineKind

# Whole words: a model may be called `...-search-preview`.
_KINDS = (
    (re.compile(r"\b(credit|credits|refund|discount)\b"), LineKind.CREDIT),
    (re.compile(r"\b(tax|vat|gst)\b"), LineKind.TAX),
    (re.compile(r"\bcommit(ment)?\b"), LineKind.COMMITMENT),
    (re.compile(r"\b(web|file) search|\bstorage\b|\bcode (execution|interpreter)\b|\bsession"),
     LineKind.NON_TOKEN),
)  # fmt: skip


def kind_of(item: str) -> LineKind:
    """TOKENS unless the words say otherwise."""
    words = item.lower().replace("_", " ")
    return next((kind for pattern, kind in _KINDS if pattern.search(words)), LineKind.TOKENS)
