"""What was seen of the layers that have no section of their own, figure by figure; their settings."""

from __future__ import annotations

import json
from typing import Any

from costopt.model.result import Result
from costopt.model.secrets import masked
from costopt.report.card import Card, Cell, NotApplicable, Table
from costopt.report.policy_words import NO_POLICY, figures, layers_of
from costopt.report.sections import (
    answer_caches,
    shortened_contexts,
)

ORDER = 83
NAME, TITLE = "layer_figures", "The policy and its other layers"
OWN = (*answer_caches.LAYERS, *shortened_contexts.LAYERS, "route", "batch", "session_budget")
"""Layers that have a section; a new one is shown here until it gets its own."""
MOST = 40
SETTING_CHARS = 200


def build(result: Result) -> Card | NotApplicable:
    """Scalar evidence of each other layer, then every setting of the policy."""
    if result.projection is None:
        return NotApplicable(NAME, TITLE, NO_POLICY)
    rows = layers_of(result)
    if not rows:
        return NotApplicable(NAME, TITLE, "the policy has no layers")
    seen: list[tuple[Cell, ...]] = [
        (name, what, value)
        for name, row in rows if row["layer"] not in OWN
        for what, value in list(figures(row["evidence"]))[:MOST]
    ]  # fmt: skip
    settings: list[tuple[Cell, ...]] = [
        (name, " · ".join(f"{k}: {_setting(v)}" for k, v in _told(row["settings"])))
        for name, row in rows
    ]
    tables = [
        Table(
            "What was seen of layers without a section",
            ("layer", "what", "value"),
            ("text", "text", "text"),
            seen,
        ),
        Table("Settings", ("layer", "settings"), ("text", "text"), settings),
    ]
    notes = [
        f"{name}: {text}" for name, row in rows if row["layer"] not in OWN
        for text in row.get("notes") or []
    ]  # fmt: skip
    lead = f"{len(rows)} layers of {result.projection.policy}, in their order."
    return Card(NAME, TITLE, lead, tables=[t for t in tables if t.rows], notes=notes)


def _told(settings: dict[str, Any]) -> list[tuple[str, Any]]:
    """Settings that say something: empty ones are off."""
    return [(k, v) for k, v in settings.items() if v not in (None, "", [], {})]


def _setting(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = masked(text)
    return text if len(text) <= SETTING_CHARS else f"{text[:SETTING_CHARS]}…"
