"""How far off the prompt-cache model is as a whole: what does not average out over calls.

`Priced.variance` is the luck of single calls. On top of it all calls share the fit. Its error shows on
recorded sessions that a fit has not seen: the error of their sum, in dollars, less what luck alone would
give. There the calls of a session share their luck (one eviction loses all that follows), so that is
measured by sessions, too.

A policy is billed by difference: what the model errs by on both sides is taken off again. The share is
laid on the tokens by which its two sides differ, not on all input (`scripts/validation/coverage.py`: on
all of it, 99.5 % of the intervals held the truth where the cache is lost by session).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.prompt_cache.fit import fit_cache, judgeable
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.report import half_of_sessions
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.engine.bootstrap import LEVEL, Z95, student
from costopt.engine.evaluate import Evaluator
from costopt.engine.matched import Evidence
from costopt.engine.parts_of import sampled_sessions
from costopt.model.leaf import INPUT
from costopt.model.select import select
from costopt.model.trace import Trace
from costopt.model.view import View

Float = NDArray[np.float64]
JUDGED_CALLS = 40_000
"""More calls make the error no better known: its own luck is taken off it, and each fit takes seconds."""
SPLITS = 2
"""Random halves of the sessions, each side fitted once, beside one split by size: six errors of a half.
One alone can be 0 by luck."""
MIN_REPLAYED = 30
"""Calls of a replay whose cached input is known before they say anything of the cache model."""
UNJUDGED = 1 / sqrt(12)
"""Of what is exposed, where no recorded read judges the model: anything between nothing and all of it is
as likely, and that is the standard deviation of the uniform distribution."""


@dataclass(frozen=True)
class CommonError:
    """What does not average out over calls."""

    share: float
    """Standard deviation of the error that all calls have in common, as a share of input at the worth of
    a cached read."""
    judged: bool
    """False: no recorded reads to judge by."""
    residual: float | None = None
    """The error of the sum over sessions left out, of their input, as it was seen; None: not judged."""
    replayed: tuple[int, int] | None = None
    """(calls, times between requests) of replays that have a say in it; None: none has."""

    def residual_pusd(self, exposed_pusd: int) -> int:
        """What is seen, on what is exposed; where nothing was, what may be."""
        return round((self.share if self.residual is None else self.residual) * exposed_pusd)

    def off_pusd(self, variance_pusd2: float, exposed_pusd: int) -> float:
        """Half the width of a 95 % interval: the luck of single calls, and the error they share.

        Student's t for the latter: it is known from a handful of errors.
        """
        t = student(LEVEL, 2 * SPLITS)  # two sides of a split err together
        return hypot(Z95 * sqrt(variance_pusd2), t * self.share * exposed_pusd)


def common_error(evaluator: Evaluator, seed: int = 0) -> CommonError:
    """From sessions left out of the fit, and from what replays measured; `UNJUDGED` where neither the log
    nor a replay shows reads to judge by."""
    found = _from_log(evaluator, seed)
    return found if evaluator.evidence is None else replayed_error(found, evaluator.evidence)


def replayed_error(found: CommonError, known: Evidence) -> CommonError:
    """The larger error: the log's, or the one by gaps that a replay saw.

    A replay asks in its own order, in which it sees some gaps oftener than the log has them. So errors of
    different gaps do not offset each other: they count in squares, less the luck of so few calls (a share
    p of n calls has at most p(1-p)/n), and they never make the log's error smaller. Where the log shows no
    reads at all, what was seen, with the luck of so many calls, takes the place of `anything may be`.
    """
    rows = [] if known.stands_in else [
        r for r in known.whole_log.get("cache_by_gap", []) if r.get("predicted_share") is not None
    ]  # fmt: skip
    calls = sum(int(r["calls"]) for r in rows)
    if calls < MIN_REPLAYED:
        return found
    squares = sum(_beyond_luck(r) for r in rows)
    seen, told = sqrt(max(0.0, squares) / calls), (calls, len(rows))
    if not found.judged:
        share = min(found.share, hypot(seen, UNJUDGED / sqrt(calls)))
        return CommonError(share, True, seen, told)
    return replace(found, share=max(found.share, seen), replayed=told)


def _beyond_luck(row: Mapping[str, Any]) -> float:
    """Squared error of a gap's cached share times its calls, less what luck alone would give."""
    measured = min(1.0, max(0.0, float(row["measured_share"])))
    off = measured - float(row["predicted_share"])
    return int(row["calls"]) * off**2 - measured * (1 - measured)


def _from_log(evaluator: Evaluator, seed: int) -> CommonError:
    on = _Judged.of(evaluator, seed)
    trace = on.view.trace
    alike = [half_of_sessions(trace, seed + i) for i in range(SPLITS)]
    halves = [h for split in (*alike, _short_sessions(trace)) for h in on.halves(split)]
    if not halves:
        return CommonError(UNJUDGED, False)
    spread = max(1.0, float(np.mean([half.spread for half in halves])))
    luck = spread * float(np.mean([half.luck for half in halves]))
    seen = float(np.mean([half.share**2 for half in halves]))
    # What is seen is the bias, the luck of the half fitted, and that of the half left out, which is no
    # error of the fit. The luck of the fit on all sessions, half as much, counts on top: an edit asks about
    # other requests than were fitted on, so the errors of the two sides are not one and the same.
    return CommonError(sqrt(max(seen - luck, 0.0) + luck / 2), True, sqrt(seen))


def _short_sessions(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """True on the half of the sessions with the smaller requests: an edit, too, asks the model about
    requests of another size than those that it was fitted on."""
    calls = np.bincount(trace.session, minlength=len(trace.sessions))
    size = np.bincount(trace.session, trace.input_tokens, len(trace.sessions)) / np.maximum(
        calls, 1
    )
    short = np.zeros(len(size), np.bool_)
    short[np.argsort(size, kind="stable")[: len(size) // 2]] = True
    return short[trace.session]


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

    def halves(self, half: NDArray[np.bool_]) -> Iterator[_Half]:
        """Each side of a split of the sessions under a fit on its other side. `half`: [call]."""
        trace = self.view.trace
        usable = judgeable(trace, self.prefix, self.rules) & (self.worth > 0)
        squared = self.worth.astype(np.float64) ** 2
        for fitted in (half, ~half):
            judged = usable & ~fitted
            if not (usable & fitted).any() or not judged.any():
                continue
            fit = fit_cache(self.view, self.prefix, self.rules, fitted)
            found = fit.served(self.prefix, self.rules, self.view)
            off = np.where(judged, (found.tokens - trace.cache_read) * self.worth, 0.0)
            expected = np.where(judged, found.variance * squared, 0.0)
            whole = float((trace.leaves[:, INPUT].sum(axis=1) * self.worth)[judged].sum())
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
