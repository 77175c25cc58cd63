"""What the quantities of a layer are made from, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.known import Known, PolicyLayer
from costopt.replay.compare.measured import Row


@dataclass(frozen=True)
class Asked:
    """The judging half's rows of one layer."""

    layer: PolicyLayer
    rows: Sequence[Row]
    unchanged: Mapping[int, Row]
    """Row of the trace to the same call sent as the log has it."""
    pairs: Sequence[Pair]
    known: Known


@dataclass(frozen=True)
class Found:
    """Quantities as in `ReplayedLayer`, and the most telling of them in words; empty: none."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    words: str = ""


def quantity(
    what: str, predicted: float | None, measured: float | None, unit: str, calls: int
) -> dict[str, Any]:
    """One line. `measured` None: not measured, never the prediction."""
    return {
        "what": what, "predicted": predicted, "measured": measured, "unit": unit, "calls": calls,
    }  # fmt: skip


def percent(share: float | None) -> str:
    """`84.2`; `?` where it is not known."""
    return "?" if share is None else f"{100 * share:.1f}"


def median(values: Sequence[float]) -> float | None:
    """None of nothing."""
    ordered = sorted(values)
    n = len(ordered)
    return None if not n else (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
