"""A policy against a trace: do the fields that it names exist, do the models that it names have prices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from costopt.engine.policy import Policy
from costopt.errors import nearest
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.escape import clean
from costopt.model.trace import DIMS, Trace
from costopt.prices.contract import PriceBook, Unpriced
from costopt.wiring.policy.kinds import is_patterns
from costopt.wiring.policy.problems import PolicyError, Problem
from costopt.wiring.slicing import EXTRA_COLUMNS

NOT_FROM_AN_API = ("compress", "self_host", "semantic_cache", "memory")
"""Layers whose `model` is a local one: it has no list price."""
COLUMN_LISTS = ("scope", "by")
"""Settings that list parts or columns of the log."""
MAX_NAMED = 24


def require_fields(policy: Policy, trace: Trace) -> None:
    """Raises PolicyError where the policy names a field that the trace does not have."""
    problems = list(field_problems(policy, trace))
    if problems:
        raise PolicyError(policy.file, problems)


def field_problems(policy: Policy, trace: Trace) -> Iterator[Problem]:
    """Parts and columns that are not there, with the nearest that is."""
    columns = [*DIMS, *EXTRA_COLUMNS, *(f"metadata.{name}" for name in trace.metadata)]
    for part, column in policy.fields.items():
        if column not in columns:
            yield Problem(
                policy.lines.get(("fields", part), 1),
                f"`fields`: `{part}`: the log has no field `{clean(column)}`.",
                _names(column, columns, "fields"),
            )
    known = [*dict.fromkeys([*policy.fields, *columns])]
    for index, layer in enumerate(policy.layers):
        for setting, part in _parts_used(layer):
            if part not in known:
                yield Problem(
                    _line(policy, index, layer, setting),
                    f"layer `{name_of(layer)}`: `{setting}`: the log has no field `{clean(part)}`.",
                    _names(part, known, "fields"),
                )


def price_problems(policy: Policy, prices: PriceBook) -> Iterator[Problem]:
    """Models that a layer would call and that have no price."""
    for index, layer in enumerate(policy.layers):
        if name_of(layer) in NOT_FROM_AN_API:
            continue
        for setting, model in _models_used(layer):
            found = prices.rates("", model)
            if isinstance(found, Unpriced):
                yield Problem(
                    _line(policy, index, layer, setting),
                    f"layer `{name_of(layer)}`: `{setting}`: {clean(found.reason)}.",
                    "costopt prices show MODEL, or give it a price in prices.yaml.",
                )


def _parts_used(layer: Layer) -> Iterator[tuple[str, str]]:
    """(setting, part) of patterns, scopes and groups."""
    hints = get_type_hints(type(layer), include_extras=True)
    for name, hint in hints.items():
        value = getattr(layer, name, None)
        if is_patterns(hint):
            yield from ((name, part) for part, _ in value or ())
        elif name in COLUMN_LISTS and isinstance(value, tuple):
            yield from ((name, part) for part in value if isinstance(part, str))


def _models_used(layer: Layer) -> Iterator[tuple[str, str]]:
    """(setting, model): settings called `model`, `..._model`, and what tiers lead to."""
    for f in dataclasses.fields(layer):  # type: ignore[arg-type]
        value: Any = getattr(layer, f.name)
        if f.name == "model" or f.name.endswith("_model"):
            yield from ((f.name, value),) if isinstance(value, str) and value else ()
        elif f.name == "tiers":
            pairs = value.items() if isinstance(value, Mapping) else value or ()
            yield from ((f.name, model) for _, model in pairs if isinstance(model, str))


def _line(policy: Policy, index: int, layer: Layer, setting: str) -> int:
    lines = policy.lines
    at = (index, name_of(layer), setting)
    return lines.get(at) or lines.get(at[:2]) or lines.get(at[:1]) or 1


def _names(word: str, known: list[str], kind: str) -> str:
    shown = ", ".join(map(clean, known[:MAX_NAMED]))
    return f"{nearest(word, known)}  All {kind}: {shown}".strip()
