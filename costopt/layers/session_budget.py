"""The layer `session_budget`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.billing.marginal import charged
from costopt.billing.prompt_cache.namespace import combined
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.endings import GOOD, endings
from costopt.layers.parts.interval import clopper_pearson
from costopt.layers.settings import Duration, Patterns, matching
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.trace import NO_TIME
from costopt.model.view import Column, View
from costopt.money import exact_sum, from_log, usd_float
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
MOST_PUSD = 2**62
_STEP = "step "


@dataclass(frozen=True)
class SessionBudget:
    """Stop a session, an agent or a task once it has spent its budget.

    ## Where the money goes
    A run that loops can cost more than a month of normal ones. A limit of the whole account stops
    everybody when it is spent; one by session stops the runaway alone.

    ## What can go wrong
    The dearest session may be the most valuable one. The evidence says how many of the sessions that would
    have been stopped had ended well; only where there was none is the saving counted as verified.

    ## How it is simulated
    The calls are metered as the policy up to here would have sent them, in time order. Once the sum of a
    budget's calls has reached `usd`, later ones are not sent: a hard stop, checked before each call, as
    gateways do it, so the call that goes over it is still paid. With `window` the sum starts anew at fixed
    times counted from 1970 (a day begins at midnight UTC). What the policy's own models cost (embeddings,
    classifiers) is not metered. A session ended well if its last call succeeded and its answer stopped by
    itself, without asking for a tool; `ended_well` names a better test where the log has one.

    ## What a replay measures
    Nothing: it sends no request that differs, it sends some no more. What they cost is exact arithmetic on
    the log, and what a stopped session would have reached can be asked of no model.

    ## Sources
    Item 9 of the usual list of advice; https://docs.litellm.ai/docs/a2a_iteration_budgets and
    https://docs.litellm.ai/docs/proxy/users (checked 2026-11-24).
    """

    usd: Annotated[float, Field(ge=0)] = 1.0
    """Dollars after which the next call is refused."""
    per: Literal["session", "agent", "task", "tenant", "user"] = "session"
    """What has a budget of its own."""
    window: Duration = 0.0
    """After what time a budget starts anew, `1d`; 0: never."""
    match: Patterns = ()
    """Calls that have a budget, `{agent: [planner]}`; empty: all."""
    ended_well: Patterns = ()
    """What tells a session that ended well by its last call, `{metadata.outcome: [resolved]}`."""

    partition: ClassVar[Partition] = Partition.WHOLE
    """The budget of an agent is spent by calls of any session; see `splits_by`."""
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.SENT})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "usd": (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
    }
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"usd": 1e12}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Calls behind the stop are not sent."""
        rows = charged(view, prices) & matching(view, self.match, artifacts)
        account, rows = self._account(view, rows, artifacts)
        budgeted = {"sessions": len(np.unique(view.trace.session[rows]))}
        if not rows.any():
            return Effect(tally=budgeted)
        paid = artifacts.bill(view).net_pusd
        stopped = self._behind_the_stop(account, rows, paid)
        if not stopped.any():
            return Effect(tally=budgeted)
        tally = budgeted | self._tally(view, stopped, paid, artifacts)
        return Effect(
            {Column.SENT: view.sent & ~stopped}, touched=stopped, at_risk=stopped, tally=tally
        )

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """How many good endings the stop would have cost."""
        sessions, stopped = tally.get("sessions", 0), tally.get("stopped_sessions", 0)
        good, unknown = tally.get("ended_well", 0), tally.get("ended_unknown", 0)
        evidence = {
            "sessions": sessions, "stopped_sessions": stopped,
            "stopped_calls": tally.get("stopped_calls", 0),
            "stopped_usd": usd_float(tally.get("stopped_pusd", 0)),
            "ended_well": good, "ended_unknown": unknown,
            "first_stopped_step": _steps(tally),
        }  # fmt: skip
        known = sessions and not unknown
        low, high = clopper_pearson(good, sessions) if sessions else (0.0, 1.0)
        risk = Risk(
            "good_sessions_stopped", good / sessions if known else None,
            (float(low), float(high)) if known else None,
            "how the logged sessions ended, by their last call" if known else
            "unverified: the log does not tell how the stopped sessions ended",
        )  # fmt: skip
        return LayerReport(
            evidence, risk, bool(stopped and not good and not unknown), "from_log",
            ("What a session had reached when it was stopped is worth nothing.",) if stopped else (),
            replay="nothing: calls that are not sent cost nothing, and what a stopped session would have "
            "reached can be asked of no model",
            notes=() if stopped else (f"No budget of ${self.usd:g} was reached.",),
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: what was paid is known."""
        return {}

    @property
    def splits_by(self) -> Partition:
        """A session's budget is spent by its own calls, whose bill needs the namespace's cache."""
        return Partition.NAMESPACE if self.per == "session" else Partition.WHOLE

    def _account(self, view: View, rows: Bool, artifacts: Artifacts) -> tuple[Int, Bool]:
        """([call] which budget it spends from, the calls that have one)."""
        trace = view.trace
        if self.per == "session":
            who, rows = trace.session, rows & trace.session_known
        else:
            column = artifacts.column(view, self.per)
            who, rows = column.codes, rows & (column.codes > 0)
        if not self.window:
            return combined([who], trace.n), rows
        rows = rows & (trace.at_us != NO_TIME)
        window_us = max(1, round(self.window * 1e6))
        number = np.where(rows, view.at_us // window_us, 0)
        return combined([who, combined([number - number.min(initial=0)], trace.n)], trace.n), rows

    def _behind_the_stop(self, account: Int, rows: Bool, paid: Int) -> Bool:
        """Calls before which their budget was spent. Rows are in time order."""
        limit = min(MOST_PUSD, from_log(self.usd))
        chosen = np.flatnonzero(rows)
        order = chosen[np.argsort(account[chosen], kind="stable")]
        begins = np.concatenate(([True], np.diff(account[order]) != 0))
        before = _sums_before(paid[order], begins, limit)
        out = np.zeros(len(paid), np.bool_)
        out[order] = before >= limit
        return out

    def _tally(self, view: View, stopped: Bool, paid: Int, artifacts: Artifacts) -> dict[str, int]:
        session = view.trace.session
        hit = np.unique(session[stopped])
        ended = endings(view, self.ended_well, artifacts)[hit]
        out = {
            "stopped_calls": int(stopped.sum()),
            "stopped_pusd": int(exact_sum(paid[stopped])),
            "stopped_sessions": len(hit),
            "ended_well": int((ended == GOOD).sum()),
            "ended_unknown": int((ended < 0).sum()),
        }
        rows = np.flatnonzero(stopped)
        _, first = np.unique(session[rows], return_index=True)
        steps, count = np.unique(view.trace.step[rows[first]], return_counts=True)
        return out | {f"{_STEP}{s}": int(c) for s, c in zip(steps, count, strict=True)}


def _sums_before(paid: Int, begins: Bool, limit: int) -> Int:
    """Sum of the same budget's earlier calls, held at `limit`: no sum overflows."""
    out = np.zeros(len(paid), np.int64)
    starts = np.flatnonzero(begins)
    total = np.cumsum(paid.astype(np.float64))
    if not len(paid) or total[-1] < MOST_PUSD:
        running = np.cumsum(paid) - paid
        which = np.cumsum(begins) - 1
        return np.minimum(running - running[starts][which], limit)
    for start, stop in zip(starts, [*starts[1:], len(paid)], strict=True):
        spent = 0
        for i in range(start, stop):
            out[i] = spent
            spent = min(limit, spent + int(paid[i]))
    return out


def _steps(tally: Mapping[str, int]) -> int | None:
    """Median step at which a stopped session was stopped."""
    steps = sorted((int(k.removeprefix(_STEP)), n) for k, n in tally.items() if k.startswith(_STEP))
    half, seen = sum(n for _, n in steps) / 2, 0
    for step, n in steps:
        seen += n
        if seen >= half:
            return step
    return None
