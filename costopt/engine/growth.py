"""Context growth before and after a policy: calls, input and dollars by step of the session.

Sums of integers by step, so those of parts of a trace add up to the whole's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import INPUT
from costopt.model.view import View
from costopt.money import exact_group_sum, usd_float

if TYPE_CHECKING:
    from costopt.engine.evaluate import Evaluator

Int = NDArray[np.int64]
_BITS = 26
_MOST_PUSD = 1 << 52
"""$4,500 a call: above it the halves of many calls would not be exact any more."""
MOST_STEPS = 60
"""Rows that a chart can show; all later steps are one more row."""


@dataclass(frozen=True)
class StepSums:
    """Charged calls by step; the last place holds all steps behind MOST_STEPS."""

    calls: Int  # [step]: sent to the provider
    input_tokens: Int  # [step]: of those
    pusd: tuple[int, ...]  # [step]: calls and overhead, net


def step_sums(evaluator: Evaluator, view: View, all_pusd: Int) -> StepSums:
    """`all_pusd`: [call], of the view with what the policy itself costs."""
    trace, size = evaluator.trace, MOST_STEPS + 1
    # A call without a step (none is known to be) would count as a first one.
    place = np.clip(trace.step - 1, 0, MOST_STEPS).astype(np.int64)
    sent = evaluator.charged & view.sent
    return StepSums(
        _sums(np.where(sent, trace.requests, 0), place, size),
        _sums(np.where(sent, _inputs(view), 0), place, size),
        _dollars(all_pusd, place, size),
    )


def _inputs(view: View) -> Int:  # [call]
    """Known already where no layer has changed a request."""
    if view.leaves is view.trace.leaves:
        return view.trace.input_tokens
    return np.asarray(np.einsum("ij->i", view.leaves[:, INPUT]))


def _sums(values: Int, place: Int, size: int) -> Int:  # [step]
    """In floats, which hold these sums exactly: tokens of a log stay far below 2**53."""
    return np.bincount(place, values, minlength=size).astype(np.int64)


def _dollars(pusd: Int, place: Int, size: int) -> tuple[int, ...]:
    """Exact at any size: halves of 26 bits are summed as floats where those hold them."""
    if len(pusd) > 1 << 26 or np.abs(pusd).max(initial=0) >= _MOST_PUSD:
        return tuple(int(v) for v in exact_group_sum(pusd, place, size))
    high = np.bincount(place, pusd >> _BITS, minlength=size)
    low = np.bincount(place, pusd & ((1 << _BITS) - 1), minlength=size)
    return tuple((int(h) << _BITS) + int(n) for h, n in zip(high, low, strict=True))


def together(parts: Sequence[StepSums | None]) -> StepSums | None:
    """The whole's from those of all its parts. None: an executor that does not count steps."""
    found = [p for p in parts if p is not None]
    if not found or len(found) < len(parts):
        return None
    return StepSums(
        np.sum([p.calls for p in found], axis=0, dtype=np.int64),
        np.sum([p.input_tokens for p in found], axis=0, dtype=np.int64),
        tuple(sum(column) for column in zip(*(p.pusd for p in found), strict=True)),
    )


def growth_rows(before: StepSums | None, after: StepSums | None) -> list[dict[str, Any]]:
    """One row a step that has calls; dollars sum to both bills."""
    if before is None or after is None:
        return []
    rows = []
    for i in range(MOST_STEPS + 1):
        if not (before.calls[i] or before.pusd[i] or after.pusd[i]):
            continue
        rows.append({
            "step": i + 1, "and_later": i == MOST_STEPS,
            "calls": int(before.calls[i]), "calls_after": int(after.calls[i]),
            "mean_input_tokens_before": _mean(before, i),
            "mean_input_tokens_after": _mean(after, i),
            "usd_before": usd_float(before.pusd[i]), "usd_after": usd_float(after.pusd[i]),
        })  # fmt: skip
    return rows


def _mean(sums: StepSums, place: int) -> float | None:
    """None: no call of this step is sent."""
    calls = int(sums.calls[place])
    return int(sums.input_tokens[place]) / calls if calls else None
