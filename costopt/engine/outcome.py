"""What one list of layers comes to, in sums: all that reports, intervals and shares are made of.

Sums are by session, and a session is never split over parts of a trace, so parts put together give
the whole's bytes whatever executed them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.billing.segment_counts import group_sums
from costopt.engine.evaluate import Evaluator, Layers
from costopt.engine.growth import StepSums, step_sums
from costopt.engine.matched import Evidence
from costopt.money import PicoUsd, exact_sum

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Outcome:
    """v(S) of a list of layers, and what its last layer did. Sessions are those of the whole trace."""

    session_pusd: Int  # [session]: calls and overhead, net
    session_variance: NDArray[np.float64]  # [session]: of the dollars, through the cache model
    overhead_pusd: PicoUsd
    """Of all layers in the list."""
    tally: Mapping[str, int]
    detail: Mapping[str, Any]
    touched: int
    at_risk: int
    exposed_pusd: PicoUsd = PicoUsd(0)
    """Worth of the cached reads that are gained and lost by the cache model alone, added up."""
    calls: int = 0
    """Calls that the provider charged for in the baseline: what shares of calls are shares of."""
    steps: StepSums | None = None
    """The same by step of the session; None: not counted."""
    evidence: Evidence | None = None
    """What replays measured on the log: the same in every outcome of an evaluator; None: nothing."""

    @property
    def total_pusd(self) -> PicoUsd:
        return exact_sum(self.session_pusd)


class Executor(Protocol):
    """Evaluates lists of layers: in this process, in several, or on a cluster. Same bytes."""

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]: ...


@dataclass(frozen=True)
class InProcess:
    """One after the other, here."""

    evaluator: Evaluator

    def outcomes(self, lists: Sequence[Layers]) -> list[Outcome]:
        return [outcome(self.evaluator, layers) for layers in lists]


def outcome(evaluator: Evaluator, layers: Layers) -> Outcome:
    """The sums of one list of layers. No layers: the baseline."""
    state = evaluator.state(layers)
    priced = evaluator.priced(state)
    effect = evaluator.effect(layers)
    trace = evaluator.trace
    sessions = len(trace.sessions)
    variance: NDArray[np.float64] = np.bincount(
        trace.session, priced.variance_pusd2, minlength=sessions
    ).astype(np.float64)
    return Outcome(
        group_sums(priced.all_pusd, trace.session, sessions),
        variance,
        exact_sum(priced.overhead_pusd),
        effect.tally,
        effect.detail,
        0 if effect.touched is None else int(effect.touched.sum()),
        0 if effect.at_risk is None else int(effect.at_risk.sum()),
        exact_sum(priced.exposed_pusd),
        int(evaluator.charged.sum()),
        step_sums(evaluator, state.view, priced.all_pusd),
        evaluator.evidence,
    )
