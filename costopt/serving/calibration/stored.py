"""The constants in a stored profile: what `costopt selfhost calibrate` writes and a policy may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from costopt.serving.efficiency import Efficiencies

SCHEMA = "costopt.serving_profile/1"
FOLDER = ".costopt/profiles"


def values_of(told: Mapping[str, Any]) -> Efficiencies:
    """The constants of a profile's parsed file. ValueError, KeyError, TypeError: it is none."""
    if told.get("schema") != SCHEMA:
        raise ValueError(f"schema {told.get('schema')!r}")
    values = {name: float(told["values"][name]) for name in Efficiencies.names()}
    if not all(0 < value < 1e6 for value in values.values()):
        raise ValueError("a constant is not a positive number")
    return Efficiencies(**values)
