"""How sure a saving is: `ci95_pct` from three sources that have nothing to do with each other.

Sampling: other sessions of the same kind, by resampling sessions (days, from 14 days on). Cache model:
the provider's cache under the edited bytes is modelled. Assumptions: settings that stand for an
unmeasured ratio, moved to the ends of their ranges one at a time, and measured ratios to those of their
intervals. Independent deviations add up in squares, each side for itself. All of it is given the caches
as they were realised: a resampled session keeps what it read, it does not warm another one's prefix anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from costopt.engine.bootstrap import ratio_interval
from costopt.engine.cache_error import CommonError
from costopt.engine.evaluate import Layers
from costopt.engine.matched import bent
from costopt.engine.outcome import Executor, Outcome
from costopt.engine.parts import DAY_US
from costopt.engine.settings import with_setting
from costopt.model.trace import Trace

Interval = tuple[float, float]
MIN_SESSIONS = 20
MIN_DAYS = 14
"""Two weeks: from there on whole days are drawn, because the sessions of a day are alike."""


@dataclass(frozen=True)
class Certainty:
    """Intervals of the saved share, all in percent of the baseline."""

    pct: float | None
    """The saved share itself; None: the baseline is $0."""
    ci95_pct: Interval | None
    sampling: Interval | None
    cache_model: Interval
    assumptions: Interval
    reason: str
    """Why there is no interval; empty: there is one."""
    basis: str
    """What was resampled, in words."""

    @property
    def parts(self) -> dict[str, list[float] | None]:
        """As the result carries them; each is what the interval would be with that source alone."""
        return {
            "sampling": listed(self.sampling),
            "cache_model": listed(self.cache_model),
            "assumptions": listed(self.assumptions),
        }


def listed(interval: Interval | None) -> list[float] | None:
    """For JSON: to a millionth of a percent, below which resampling says nothing."""
    return None if interval is None else [round(float(end), 6) for end in interval]


def certainty(
    executor: Executor, layers: Layers, base: Outcome, after: Outcome, trace: Trace,
    error: CommonError, seed: int = 0,
) -> Certainty:  # fmt: skip
    """Of what these layers save. `base` and `after`: no layers, and all of them."""
    total = base.total_pusd
    if total <= 0:
        nothing = (0.0, 0.0)
        return Certainty(None, None, None, nothing, nothing, "the baseline is $0", "")
    saved = base.session_pusd - after.session_pusd
    pct = 100.0 * (total - after.total_pusd) / total
    sampling, reason, basis = _sampling(saved, base.session_pusd, trace, seed)
    luck = float(after.session_variance.sum())
    off = 100.0 * error.off_pusd(luck, after.exposed_pusd) / total
    low, high = _assumed(executor, layers, after, total)
    whole = None
    if sampling is not None:
        below, above = pct - sampling[0], sampling[1] - pct
        whole = (pct - _squares(below, off, low), pct + _squares(above, off, high))
    return Certainty(
        pct, whole, sampling, (pct - off, pct + off), (pct - low, pct + high), reason, basis
    )


def _squares(*deviations: float) -> float:
    return sqrt(sum(max(d, 0.0) ** 2 for d in deviations))


def _sampling(
    saved: NDArray[np.int64], baseline: NDArray[np.int64], trace: Trace, seed: int
) -> tuple[Interval | None, str, str]:
    """(interval in percent, why there is none, what was drawn). Sessions without dollars do not count."""
    some = np.flatnonzero((baseline != 0) | (saved != 0))
    if len(some) < MIN_SESSIONS:
        known = f"{len(some)} session{'' if len(some) == 1 else 's'} with known dollars"
        why = f"{known}; an interval needs {MIN_SESSIONS}"
        return None, why, ""
    units, basis = resampled_units(trace, some)
    part = np.bincount(units, saved[some]).astype(np.float64)
    whole = np.bincount(units, baseline[some]).astype(np.float64)
    low, high = ratio_interval(part, whole, seed)
    return (100.0 * low, 100.0 * high), "", basis


def resampled_units(trace: Trace, sessions: NDArray[np.int64]) -> tuple[NDArray[np.int64], str]:
    """([session] unit that it is drawn with, in words): itself, or all that began on its day (UTC)."""
    first = np.full(len(trace.sessions), trace.n, np.int64)
    np.minimum.at(first, trace.session, np.arange(trace.n))
    rows = first[sessions]
    if trace.has_time[rows].all():
        days, unit = np.unique(trace.at_us[rows] // DAY_US, return_inverse=True)
        if len(days) >= MIN_DAYS:
            return unit.reshape(-1), f"{len(days)} days, {len(sessions)} sessions"
    alone = "" if trace.session_known.all() else ", calls without a session each for itself"
    return np.arange(len(sessions)), f"{len(sessions)} sessions{alone}"


def _assumed(
    executor: Executor, layers: Layers, after: Outcome, total_pusd: int
) -> tuple[float, float]:
    """Percent that the saving may lie below and above, by the ranges of the layers' settings and by the
    intervals of what replays measured."""
    ends = [
        [with_setting(layers, i, name, end) for end in pair]
        for i, layer in enumerate(layers)
        for name, pair in sorted(layer.ranges().items())
    ]
    if after.evidence is not None:
        ends += [
            [(*layers[:i], bent(layer, name, end), *layers[i + 1 :]) for end in (0, 1)]
            for i, layer in enumerate(layers)
            for name in after.evidence.uncertain(layer)
        ]
    if not ends:
        return 0.0, 0.0
    found = executor.outcomes([lists for pair in ends for lists in pair])
    more = [100.0 * (after.total_pusd - o.total_pusd) / total_pusd for o in found]
    pairs: Sequence[tuple[float, float]] = list(zip(more[0::2], more[1::2], strict=True))
    return _squares(*(-min(pair) for pair in pairs)), _squares(*(max(pair) for pair in pairs))
