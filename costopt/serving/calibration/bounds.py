"""Within what a constant may lie, and from where its fit starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from costopt.serving.efficiency import Efficiencies

OWN_SLOWER = 30.0
"""Overheads of a server on a processor of one's own may be so many times a GPU engine's: every kernel is
started by Python, and Python reads the requests."""
OWN_LOWER = 20.0
"""Shares of a peak may be so much lower: products of a CPU library are measured at their best size."""
OWN_HIGHEST = 1.3
"""A measured peak is no limit of nature: another library may be faster."""


class Bound(NamedTuple):
    """Lowest and highest value."""

    low: float
    high: float


Bounds = Mapping[str, Bound]


def sheet_bounds() -> dict[str, Bound]:
    """For hardware with a data sheet: those of the shipped constants."""
    return {name: Bound(*Efficiencies.bounds(name)[:2]) for name in Efficiencies.names()}


def own_bounds() -> dict[str, Bound]:
    """For hardware whose peaks were measured here."""
    found = {}
    for name, (low, high) in sheet_bounds().items():
        if name.endswith("_s"):
            found[name] = Bound(low, high * OWN_SLOWER)
        else:
            found[name] = Bound(low / OWN_LOWER, max(high, OWN_HIGHEST))
    return found
