"""Service levels: which share of the requests must be how fast, and whether a simulated run keeps it.

Whether a run keeps a level is itself uncertain: it saw finitely many requests, and slow ones come in
clusters. The share within a limit therefore carries an interval by batch means over the order of
arrival, and a verdict is sure only where all of the interval is on one side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError
from costopt.serving.core.terms import Float, Run

BATCHES = 20
T_95 = 2.093
"""Student's t, two-sided 95 % at 19 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Slo:
    """Limits that this percentile of the requests must keep, each on its own; None: no limit."""

    ttft_s: float | None = None
    tpot_s: float | None = None
    e2e_s: float | None = None
    percentile: float = 95.0

    def __post_init__(self) -> None:
        if not 0 < self.percentile <= 100:
            raise UsageError("A percentile is above 0 and at most 100.")
        if any(limit is not None and not limit > 0 for limit in self.limits.values()):
            raise UsageError("A latency limit is above 0 seconds.")

    @property
    def limits(self) -> dict[str, float | None]:
        return {"ttft": self.ttft_s, "tpot": self.tpot_s, "e2e": self.e2e_s}


class Verdict(StrEnum):
    """Whether a level is kept."""

    KEPT = "kept"
    PROBABLY_KEPT = "probably kept"
    PROBABLY_MISSED = "probably missed"
    MISSED = "missed"

    @property
    def keeps(self) -> bool:
        return self in (Verdict.KEPT, Verdict.PROBABLY_KEPT)


@dataclass(frozen=True, slots=True)
class Attained:
    """One limit of a level in one run."""

    limit: str
    limit_s: float
    share: float
    """Of all requests, those that no replica could hold counted as missed."""
    low: float
    high: float
    """95 % interval of the share."""
    value_s: float
    """The latency at the level's percentile; infinity where so many were never served."""

    def verdict(self, wanted: float) -> Verdict:
        """Against the wanted share."""
        if self.share >= wanted:
            return Verdict.KEPT if self.low >= wanted else Verdict.PROBABLY_KEPT
        return Verdict.MISSED if self.high < wanted else Verdict.PROBABLY_MISSED


def attained(run: Run, slo: Slo) -> tuple[Attained, ...]:
    """Every limit that the level sets. An answer of one token has no TPOT and keeps any limit on it."""
    found = []
    for name, limit in slo.limits.items():
        if limit is not None:
            values = latencies(run)[name]
            found.append(_attained(name, limit, values, slo.percentile))
    return tuple(found)


def latencies(run: Run) -> dict[str, Float]:
    """[request] seconds; infinity where it was never served."""
    tpot = np.where(run.output_tokens > 1, run.tpot_s, 0.0)
    columns = {"ttft": run.ttft_s, "tpot": tpot, "e2e": run.end_s - run.arrive_s}
    return {name: np.where(run.served, values, np.inf) for name, values in columns.items()}


def percentiles_ms(seconds: Float, which: Sequence[int] = (50, 95)) -> dict[str, float] | None:
    """`{"p50": ms, ...}` of those served; None: there are none (answers of one token have no TPOT)."""
    known = seconds[np.isfinite(seconds)]
    if not len(known):
        return None
    return {f"p{p}": 1000 * float(np.percentile(known, p)) for p in which}


def verdict(run: Run, slo: Slo) -> Verdict:
    """The worst of all limits."""
    order = list(Verdict)
    found = [one.verdict(slo.percentile / 100) for one in attained(run, slo)]
    return max(found, key=order.index, default=Verdict.KEPT)


def _attained(name: str, limit: float, values: Float, percentile: float) -> Attained:
    within = values <= limit
    share = float(within.mean()) if len(within) else 1.0
    half = _half_width(within)
    value = float(np.quantile(values, percentile / 100, method="higher")) if len(values) else 0.0
    return Attained(
        name, limit, share, max(share - half, 0.0), min(share + half, 1.0), value
    )  # fmt: skip


def _half_width(within: NDArray[np.bool_]) -> float:
    """Of the share's interval: batch means, or by binomial spread where that is wider or n is small."""
    n = len(within)
    if not n:
        return 1.0
    share = (within.sum() + 1) / (n + 2)  # never exactly sure: Laplace's rule
    binomial = 1.96 * math.sqrt(share * (1 - share) / n)
    if n < 10 * BATCHES:
        return binomial
    means = [float(part.mean()) for part in np.array_split(within, BATCHES)]
    return max(binomial, T_95 * float(np.std(means, ddof=1)) / math.sqrt(BATCHES))
