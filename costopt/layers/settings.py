"""Types of settings that people write as text: `1h`, `[tenant, agent]`, `{agent: [nightly-*]}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, WithJsonSchema

from costopt.layers.base import Artifacts
from costopt.model.view import View

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)")


def seconds(value: Any) -> Any:
    """`90s`, `15m`, `1h`, `7d` or a number of seconds. ValueError: neither."""
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"`{value}` is no duration: write 90s, 15m, 1h or 7d")
    return float(found[1]) * _UNITS[found[2]]


_DURATION_SCHEMA = {"anyOf": [
    {"type": "number", "minimum": 0},
    {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|min|m|h|d|w)\s*$"},
]}  # fmt: skip
Duration = Annotated[float, BeforeValidator(seconds), Field(ge=0), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds; written as `1h`."""


def _patterns(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return tuple((k, tuple(v) if isinstance(v, list) else (v,)) for k, v in value.items())


_TEXTS = {"type": "array", "items": {"type": "string"}}
_PATTERNS_SCHEMA = {
    "type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, _TEXTS]},
}  # fmt: skip
Patterns = Annotated[
    tuple[tuple[str, tuple[str, ...]], ...],
    BeforeValidator(_patterns),
    WithJsonSchema(_PATTERNS_SCHEMA),
]
"""`{agent: [nightly-*], tags: batch}`: parts of the policy's `fields:` to patterns with * and ?."""


def matching(view: View, match: Patterns, artifacts: Artifacts) -> NDArray[np.bool_]:  # [call]
    """Calls that fit one pattern of every part. No parts: all calls. KeyError: no such part."""
    rows = np.ones(view.trace.n, np.bool_)
    for part, patterns in match:
        column = artifacts.column(view, part)
        fits = [any(fnmatchcase(v, p) for p in patterns) for v in column.values]
        rows &= np.array(fits, np.bool_)[column.codes]
    return rows


@dataclass(frozen=True)
class Scaled:
    """A ratio that was measured or is assumed, with the range that it may lie in."""

    value: float
    low: float
    high: float
    basis: str
