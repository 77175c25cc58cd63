"""How far off the prompt-cache model is as a whole: what does not average out over calls.

`Priced.variance` is the luck of single calls. On top of it the calls of a session share their luck (one
eviction loses all that follows), and all calls share the fit. Both show on recorded sessions that a fit
has not seen, in dollars: the spread of a session's error against what single calls would give, and the
error of the sum over half of the sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.prompt_cache.fit import fit_cache, judgeable
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.report import half_of_sessions
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.engine.evaluate import Evaluator
from costopt.engine.parts_of import sampled_sessions
from costopt.model.leaf import INPUT
from costopt.model.select import select
from costopt.model.view import View

Float = NDArray[np.float64]
JUDGED_CALLS = 40_000
"""More calls make the error no better known: its own luck is taken off it, and each fit takes seconds."""
SPLITS = 3
"""Random halves of the sessions, each side fitted once: six errors of a half. One alone can be 0 by luck."""
UNJUDGED = 1 / sqrt(12)
"""Of what is exposed, where no recorded read judges the model: anything between nothing and all of it is
as likely, and that is the standard deviation of the uniform distribution."""


@dataclass(frozen=True)
class CommonError:
    """Standard deviations beyond the luck of single calls."""

    share: float
    """Of the exposed input, valued at the discount of a cached read: the error all calls have in common."""
    inflation: float
    """By how much the calls of a session share their luck: factor on the variance of their sum, >= 1."""
    judged: bool
    """False: no recorded reads to judge by."""
    residual: float | None = None
    """The error of the sum over sessions left out, of their input, as it was seen; None: not judged."""

    def residual_pusd(self, exposed_pusd: int) -> int:
        """What is seen, on what is exposed; where nothing was, what may be."""
        return round((self.share if self.residual is None else self.residual) * exposed_pusd)

    def sd_pusd(self, variance_pusd2: float, exposed_pusd: int) -> float:
        """Of the dollars of a view, from its calls' own variance and what is exposed."""
        return sqrt(self.inflation * variance_pusd2 + (self.share * exposed_pusd) ** 2)


def common_error(evaluator: Evaluator, seed: int = 0) -> CommonError:
    """From sessions left out of the fit; `UNJUDGED` where the log shows no reads to judge by."""
    seen = list(_halves(_Judged.of(evaluator, seed), seed))
    if not seen:
        return CommonError(UNJUDGED, 1.0, False)
    inflation = max(1.0, float(np.mean([half.spread for half in seen])))
    squares = float(np.mean([half.share**2 for half in seen]))
    # What is seen holds the luck of the half left out, which `inflation` counts already, and that of the
    # half fitted, twice what the fit on all sessions has.
    luck = inflation * float(np.mean([half.luck for half in seen]))
    return CommonError(sqrt(max(squares - luck, luck / 2)), inflation, True, sqrt(squares))


@dataclass(frozen=True)
class _Judged:
    """The calls that the model is judged on. Arrays are [call]."""

    view: View
    prefix: PrefixResult
    rules: RuleColumns
    worth: NDArray[np.int64]
    """Of one token read instead of fresh, pico-dollars; 0: without a price."""

    @classmethod
    def of(cls, evaluator: Evaluator, seed: int) -> _Judged:
        """All of the log, or stretches of it above JUDGED_CALLS."""
        trace, view, model = evaluator.trace, evaluator.recorded, evaluator.model.recorded
        worth = np.where(evaluator.known, read_discount_pusd(view, evaluator.prices), 0)
        if trace.n <= JUDGED_CALLS:
            return cls(view, model.prefix, model.rules, worth)
        chosen = sampled_sessions(trace, JUDGED_CALLS, seed)
        rows = np.flatnonzero(np.isin(trace.session, chosen))
        part = View.of(select(trace, rows))
        return cls(part, model.prefix.subset(rows), model.rules.subset(rows), worth[rows])


def _halves(on: _Judged, seed: int) -> Iterator[_Half]:
    """Each side of each split under a fit on its other side."""
    trace = on.view.trace
    usable = judgeable(trace, on.prefix, on.rules) & (on.worth > 0)
    squared = on.worth.astype(np.float64) ** 2
    for split in range(SPLITS):
        half = half_of_sessions(trace, seed + split)
        for fitted in (half, ~half):
            judged = usable & ~fitted
            if not (usable & fitted).any() or not judged.any():
                continue
            fit = fit_cache(on.view, on.prefix, on.rules, fitted)
            found = fit.served(on.prefix, on.rules, on.view)
            off = np.where(judged, (found.tokens - trace.cache_read) * on.worth, 0.0)
            expected = np.where(judged, found.variance * squared, 0.0)
            whole = float((trace.leaves[:, INPUT].sum(axis=1) * on.worth)[judged].sum())
            yield _Half.of(off, expected, whole, trace.session)


@dataclass(frozen=True)
class _Half:
    """One half of the sessions under a fit on the other."""

    share: float
    """Error of the sum, of the input's worth."""
    luck: float
    """Variance of that share if calls were independent."""
    spread: float
    """Squared errors of sessions about their mean, over what independent calls would give."""

    @classmethod
    def of(cls, off: Float, expected: Float, whole: float, session: NDArray[np.int32]) -> _Half:
        """`off`, `expected`: [call] error and its variance, 0 on calls that are not judged."""
        variance = float(expected.sum())
        sums = np.bincount(session, off)[np.bincount(session, expected) > 0]
        spread = float(((sums - sums.mean()) ** 2).sum()) / variance if variance > 0 else 1.0
        return cls(float(off.sum()) / whole, variance / whole**2, spread)
