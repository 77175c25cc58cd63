"""What a client measured of a server: every request of one load, in the order in which it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.terms import Run, Workload

Float = NDArray[np.float64]
Int = NDArray[np.int64]

_QUARTILES_TO_SIGMA = 1.349
"""Distance of a normal distribution's quartiles in standard deviations."""
_MEDIAN_TO_MEAN = 1.253
"""Standard error of a median against that of a mean."""
_LEAST_NOISE = 0.03
"""Relative: two runs of one load on a quiet machine differ by about that much."""


class Figures(NamedTuple):
    """Of one load. NaN: not measured."""

    ttft_ms: float
    tpot_ms: float
    latency_ms: float
    tokens_per_s: float


FITTED = ("ttft_ms", "tpot_ms", "latency_ms")
"""What a fit looks at; latency only where no stream told the first token."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One point of the grid: a closed loop of `concurrency` requests in flight."""

    concurrency: int
    asked_tokens: int
    """The prompt length that the grid names; each request's own is in `prompt_tokens`."""
    prompt_tokens: Int
    output_tokens: Int
    ttft_ms: Float
    """[request] NaN: not streamed."""
    latency_ms: Float
    span_s: float
    """From the first request to the last answer."""

    @property
    def name(self) -> str:
        return f"{self.asked_tokens} tokens, {self.concurrency} at once"

    @property
    def tpot_ms(self) -> Float:
        """[request] mean per later token; NaN for answers of one token and without a stream."""
        later = np.where(self.output_tokens > 1, self.output_tokens - 1, np.nan)
        return np.asarray((self.latency_ms - self.ttft_ms) / later, np.float64)

    @property
    def streamed(self) -> bool:
        return bool(np.isfinite(self.ttft_ms).any())

    @property
    def workload(self) -> Workload:
        """The very same requests for the simulator."""
        return Workload(np.zeros(0), self.prompt_tokens, self.output_tokens, self.concurrency)

    def figures(self) -> Figures:
        """Medians over the requests, and tokens over the whole span."""
        rate = float(self.output_tokens.sum()) / self.span_s if self.span_s else np.nan
        return Figures(_median(self.ttft_ms), _median(self.tpot_ms), _median(self.latency_ms), rate)

    def middles(self) -> Figures:
        """The same as means of the middle half: as robust, and they move where a median sits still."""
        rate = self.figures().tokens_per_s
        return Figures(_middle(self.ttft_ms), _middle(self.tpot_ms), _middle(self.latency_ms), rate)

    def noise(self) -> tuple[float, ...]:
        """Relative standard error of each of `FITTED`, from the requests' spread."""
        return tuple(_noise(c) for c in (self.ttft_ms, self.tpot_ms, self.latency_ms))

    def spread(self) -> tuple[float, ...]:
        """Distance of the quartiles over the median of each of `FITTED`, as people read it."""
        return tuple(_spread(c) for c in (self.ttft_ms, self.tpot_ms, self.latency_ms))


def as_observed(point: Observed, run: Run) -> Observed:
    """A simulated run of the point's own requests, as if it had been measured."""
    latency = (run.end_s - run.arrive_s) * 1e3
    first = run.ttft_s * 1e3 if point.streamed else np.full(len(latency), np.nan)
    return replace(point, ttft_ms=first, latency_ms=latency, span_s=run.span_s)


def _median(column: Float) -> float:
    known = column[np.isfinite(column)]
    return float(np.median(known)) if len(known) else np.nan


def _middle(column: Float) -> float:
    known = np.sort(column[np.isfinite(column)])
    cut = len(known) // 4
    return float(known[cut : len(known) - cut].mean()) if len(known) else np.nan


def _spread(column: Float) -> float:
    known = column[np.isfinite(column)]
    if len(known) < 2:
        return np.nan
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
    return float((high - low) / middle) if middle > 0 else np.nan


def _noise(column: Float) -> float:
    known = int(np.isfinite(column).sum())
    wide = _spread(column)
    if known < 2 or not np.isfinite(wide):
        return _LEAST_NOISE
    return max(_LEAST_NOISE, _MEDIAN_TO_MEAN * wide / _QUARTILES_TO_SIGMA / known**0.5)


def loads_of(points: Sequence[Observed]) -> tuple[int, ...]:
    """Each concurrency once, ascending."""
    return tuple(sorted({point.concurrency for point in points}))


def as_json(point: Observed) -> dict[str, object]:
    """Every column as a list, so that a profile shows what fitted it."""
    found: dict[str, object] = {}
    for one in fields(point):
        value = getattr(point, one.name)
        found[one.name] = _plain(value) if isinstance(value, np.ndarray) else value
    return found


def _plain(column: Float | Int) -> list[float | int | None]:
    return [None if value != value else round(value, 3) for value in column.tolist()]
