"""What the comparison is told of the log: its answers, its counts, cached answers, and prices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from costopt.billing.labels import CUT_WORDS
from costopt.engine.evaluate import Evaluator
from costopt.engine.policy import Policy
from costopt.model.exchange import Block
from costopt.model.result import Projection
from costopt.replay.compare.known import Known, Logged, PolicyLayer
from costopt.replay.items import Item, Plan
from costopt.replay.money import Extra, Money, plain_leaves
from costopt.replay.plan.predicted import priced, projections_money
from costopt.replay.requests import Requests
from costopt.wiring.replaying.asked import Asked
from costopt.wiring.replaying.info import projected_usd


@dataclass(frozen=True)
class LogAnswers:
    """The unedited log as a replay asks it."""

    evaluator: Evaluator

    @cached_property
    def requests(self) -> Requests:
        """Of the recorded calls."""
        view = self.evaluator.recorded
        return Requests.of(view, self.evaluator.handed.texts(view))

    def reference(self, row: int) -> tuple[Block, ...] | None:
        """The log's own answer; None: no text was kept."""
        return self.requests.answer(row)

    def logged(self, row: int) -> Logged:
        """Tokens and model as recorded."""
        trace = self.evaluator.trace
        names, finish = trace.dims["model"], trace.dims["finish"]
        return Logged(
            tuple(trace.leaves[row].tolist()), names.values[int(names.codes[row])],
            finish.values[int(finish.codes[row])].lower() in CUT_WORDS,
        )  # fmt: skip

    def cached(self, policy: Policy) -> Callable[[Item], tuple[Block, ...] | None]:
        """The answer that a cache of the policy would have given to an item's call."""
        served = _served_from(self.evaluator, policy)

        def found(item: Item) -> tuple[Block, ...] | None:
            source = next((s for s in (int(rows[item.row]) for rows in served) if s >= 0), None)
            return None if source is None else self.reference(source)

        return found


def known_of(
    answers: LogAnswers, policy: Policy, projection: Projection, plan: Plan, asked: Asked
) -> Known:
    """Everything beside plan and run."""
    charged = Money(answers.evaluator.prices, free=asked.free)

    def price(item: Item, leaves: Sequence[int]) -> int:
        sent, own = item.request, projections_money(answers.evaluator, item.row)
        return priced(own, sent.provider, item.logged_model, leaves, sent.service_tier)

    def extra_price(item: Item, extra: Extra) -> int | None:
        nothing, tier = plain_leaves(0, 0), item.request.service_tier
        return charged.cost(item.request.provider, item.logged_model, nothing, tier, extra=extra)

    layers = [
        PolicyLayer(str(r["layer"]), dict(r["settings"]), projected_usd(r), _share(r["risk"]))
        for r in projection.layers
    ]  # fmt: skip
    return Known(
        price=price, extra_price=extra_price, logged=answers.logged,
        cached=answers.cached(policy), layers=layers, at=dt.datetime.now(dt.UTC).date().isoformat(),
        settings={"endpoint": asked.endpoint, "cold": asked.terms.cold, "plan": plan.id},
    )  # fmt: skip


def _share(risk: dict[str, Any]) -> float | None:
    value = risk.get("value")
    return float(value) if isinstance(value, (int, float)) else None


def _served_from(evaluator: Evaluator, policy: Policy) -> list[Any]:
    """[cache layer][call]: row whose answer is served, -1: none."""
    effects = (evaluator.effect(policy.layers[: i + 1]) for i in range(len(policy.layers)))
    return [e.served_from for e in effects if e.served_from is not None]
