"""What a piece of the usual advice would have done to this log, tried alone as a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costopt.model.effect import Risk
from costopt.money import PicoUsd


@dataclass(frozen=True, slots=True)
class Probe:
    """One piece of advice with the settings that it names, alone, through billing."""

    layer: str
    settings: Mapping[str, Any]
    """As they were tried, all of them."""
    saved_pusd: PicoUsd
    """At the prices of the projection; negative: it costs more. Of a sample: scaled to the whole."""
    overhead_pusd: PicoUsd
    """Its own calls and fees; `saved_pusd` has paid for them."""
    baseline_pusd: PicoUsd
    """What the same calls cost without it, at the same prices."""
    calls_touched: int
    evidence: Mapping[str, Any]
    risk: Risk
    verified: bool
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    sampled: str = ""
    """On which part of the log it was tried, in words; empty: all of it."""


@dataclass(frozen=True, slots=True)
class NoProbe:
    """A piece of advice that could not be tried."""

    layer: str
    reason: str
    """A whole sentence."""


Probes = Mapping[str, Probe | NoProbe]


@dataclass(frozen=True, slots=True)
class Tried:
    """All probes of an audit by their name, and what their dollars are worth."""

    found: Probes = field(default_factory=dict)
    as_of: str = ""
    """Date of the prices."""

    def get(self, name: str) -> Probe | NoProbe:
        """The probe, or why there is none."""
        return self.found.get(name, NoProbe(name, "It was not tried on this log."))
