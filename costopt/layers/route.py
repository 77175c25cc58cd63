"""Simple calls go to a cheaper model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import charged
from costopt.billing.overhead import overhead_pusd
from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts import route_report
from costopt.layers.parts.break_even import break_even, cached_share
from costopt.layers.parts.cascade import cascaded
from costopt.layers.parts.moves import Moves, by_move, measured_loss, moves_of
from costopt.layers.parts.route_tally import curve, quality, tally_of
from costopt.layers.parts.routing_evidence import Labelled
from costopt.layers.parts.routing_rules import Rules
from costopt.layers.parts.tiers import Targets, Tiers
from costopt.layers.routers.base import Asked, Decided, router
from costopt.layers.settings import Patterns, matching
from costopt.model.effect import Charge, Effect, LayerReport
from costopt.model.trace import Categorical
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Classifier = Literal["rules", "features", "embedding", "llm", "recorded"]


@dataclass(frozen=True)
class Route:
    """Send calls that need no dear model to a cheaper one.

    ## Where the money goes
    A label, a yes or no, a short extraction costs 10 to 20 times as much at a large model as at its small
    sibling, and is often answered as well.

    ## What can go wrong
    Short is not easy. A wrong answer costs a retry, or the session; a weaker model takes more steps, which a
    log cannot show: so the break-even in extra steps and retries is printed. A switch in the middle of a
    session loses the provider's prompt cache, and a model that reasons bills tokens that nobody sees.
    Where nothing measured the answers the saving is `unverified`; where more of them may be lost than
    `max_loss` it is not verified either.

    ## How it is simulated
    The classifier gives each call a tier. A call only moves down: to a tier below the one of its logged
    model, or, for a model outside the tiers, to one whose list price is lower both in and out. To a model
    that reasons it moves only where its reasoning tokens are known: by replay, from at least 100 of its calls
    in the log (upper 95 % bounds are billed), or as `reasoning_ratio` says. Texts are counted again by the
    target's tokenizer, the hidden prompt is scaled alike. Calls that the target has no price, service tier or
    context window for stay. The provider's cache is simulated again on the calls as they would be sent.
    Trained classifiers learn on one half of the log and decide the other, both ways; their quality is read
    off the later half alone, beside always-small, always-large, the oracle, and the straight line of random
    mixing that saves as much: a router that only picks short calls saves little and is no better.

    ## What a replay measures
    Routed calls are asked from the small model and compared with the logged model's answers, beside how often
    that one disagrees with itself. For each move: the ratio of visible and of reasoning tokens, which the
    next projection bills instead of the assumed ones, and, with a judge, how many right answers are lost. Not
    the extra steps that a weaker model takes: a replay sends single calls, so the break-even stays.

    ## Sources
    Item 2 of the usual list of advice; https://arxiv.org/abs/2406.18665 (RouteLLM) for routers learnt from
    judged answers, https://arxiv.org/abs/2305.05176 (FrugalGPT) for cascades. Checked 2026-11-24.
    """

    classifier: Classifier = "rules"
    """What decides: `rules`, `features` (learnt from the log's labels), `embedding` (nearest labelled
    calls), `llm` (asked, its tokens charged, its decisions from a column), `recorded` (by group)."""
    tiers: Tiers = ()
    """`{simple: gpt-4o-mini, moderate: gpt-4o, complex: gpt-4o}`: the model of each tier, weakest first."""
    match: Patterns = ()
    """Only calls that fit: `{agent: [triage-*]}`. Empty: all."""
    rules: Rules = ()
    """For `rules`: `{simple: {agent: triage-*, max_input_tokens: 2000, tools: false}}`. Empty: simple is at
    most 2,000 tokens in, no tools, no earlier answer in the request."""
    labels: str = "metadata.correct"
    """Column that says whether an answer was right (true or false, 1 or 0, a score from 0.5 on)."""
    threshold: float = 0.8
    """For `features` and `embedding`: least chance that the cheap model answers as well."""
    right_answer_usd: float | None = None
    """For `features` and `embedding`, in place of `threshold`: what a right answer is worth to you, in
    dollars. A call moves where it saves more, at list price, than the chance to lose its answer costs."""
    neighbours: int = 20
    """For `embedding`: nearest labelled calls that vote."""
    embedder: str = "builtin"
    """For `embedding`: as in `semantic_cache`."""
    embed_usd_per_mtok: float = 0.02
    """For `embedding`: what a million tokens cost to embed. OpenAI's text-embedding-3-small by default
    (https://developers.openai.com/api/docs/pricing, 2026-11-24); 0 for a machine that is paid already."""
    by: tuple[str, ...] = ("agent", "task")
    """For `recorded`: the columns that make a group of calls."""
    max_loss: float = 0.02
    """Most right answers that may be lost, net of those gained, as a share of the moved calls: the saving is
    verified where the upper 95 % bound is not above it. For `recorded` the limit of every group."""
    decisions: str = ""
    """Column with the tier of each call (simple, moderate, complex): for `llm`, and for `recorded`."""
    llm_model: str = ""
    """For `llm`: the model that is asked."""
    llm_prompt_tokens: int = 300
    """For `llm`: its own instructions, in tokens; the call's last user message comes on top."""
    llm_output_tokens: int = 5
    """For `llm`: its answer, in tokens."""
    cascade: bool = False
    """Try the cheap model first, and the logged one where its answer is not accepted: both are paid."""
    accept: str = "label"
    """For a cascade: `label` (right by `labels`; no check in use is as good), or a confidence column."""
    accept_at: float = 0.5
    """For a cascade by confidence: least value that is accepted."""
    output_ratio: float = 1.0
    """Visible output of the target for each token of the logged model, where neither a replay nor the log's
    own pairs measured it."""
    reasoning_ratio: float | None = None
    """Reasoning tokens for each visible one of a target that reasons, where nothing measured them: the upper
    end of your range. None: calls do not move to such a model."""
    reasoning_ratio_low: float = 0.0
    """The lower end of that range."""
    reasoning_as_text: float = 1.0
    """From a model that reasons to one that does not: share of the logged reasoning tokens that it writes
    out. Between 0 (it answers straight away) and 1 (it thinks aloud); the upper end is billed."""

    partition: ClassVar[Partition] = Partition.WHOLE
    needs: ClassVar[tuple[str, ...]] = ("router", "router_nearest", "embeddings")
    touches: ClassVar[frozenset[Column]] = frozenset({Column.MODEL, Column.PROVIDER, Column.LEAVES})
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {"threshold": (0.6, 0.7, 0.8, 0.9, 0.95)}
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"tiers": ()}
    LIMIT: ClassVar[str] = "max_loss"
    APPLIES: ClassVar[tuple[str, ...]] = ("output_ratio", "reasoning_ratio", "input_ratio")

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Move what the classifier sends down and the target can take. UsageError: a tier without a price."""
        if not self.tiers:
            return Effect()
        asked = self._asked(view, prices, artifacts)
        decided = router(self.classifier)(asked)
        moves = moves_of(asked, decided.tier)
        ready = (moves.move >= 0) & (moves.bar == 0)
        attempts = cascaded(asked, moves, ready)
        for code in moves.sold_as:
            moves.written(np.flatnonzero(ready & attempts.accepted & (moves.move == code)), code)
        return self._effect(asked, decided, moves, attempts.charges)

    def _asked(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Asked:
        targets = Targets.of(view, self.tiers, prices)
        labelled = Labelled.of(view.trace, self._labels(view, artifacts))
        rows = _movable(view, targets, prices) & matching(view, self.match, artifacts)
        return Asked(self, view, rows, targets, labelled, prices, artifacts)

    def _labels(self, view: View, artifacts: Artifacts) -> Categorical | None:
        try:
            found: Categorical = artifacts.column(view, self.labels)
        except KeyError:
            return None
        return found

    def _effect(
        self, asked: Asked, decided: Decided, moves: Moves, attempts: tuple[Charge, ...]
    ) -> Effect:
        columns = moves.columns()
        charges = (*decided.charges, *attempts)
        tally = tally_of(asked, decided, moves, attempts)
        detail = {**decided.detail, "moves": by_move(moves), "notes": list(decided.notes)}
        detail["curve"] = curve(asked, decided)
        detail["quality"] = quality(asked, decided, moves)
        measured = measured_loss(detail["moves"], asked.artifacts.measured("route"))
        detail["measured"] = measured
        if not columns:
            return Effect({}, charges=charges, fees=decided.fees, tally=tally, detail=detail)
        detail |= _dollars(asked, decided, moves, columns, charges)
        return Effect(
            columns, moves.moved, moves.moved, charges, decided.fees, tally, detail
        )  # fmt: skip

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """What moved, what stayed and why, the break-even, and the quality where it is known."""
        return route_report.report(self, tally, detail)

    @property
    def UNSENT(self) -> tuple[str, ...]:  # a constant in other layers
        """Ratios that stand in for what a replay measures; the limit too, where it decides nothing."""
        stated = ("output_ratio", "reasoning_ratio", "reasoning_ratio_low", "reasoning_as_text")
        limit = () if self.classifier == "recorded" else ("max_loss",)
        return (*stated, "embed_usd_per_mtok", *limit)

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """Ratios that nobody measured; where a replay or the log's pairs did, the settings are not read."""
        found: dict[str, tuple[Any, Any]] = {
            "output_ratio": route_report.output_range(self.output_ratio),
            "reasoning_as_text": (0.0, max(1.0, self.reasoning_as_text)),
        }
        if self.reasoning_ratio is not None:
            found["reasoning_ratio"] = (self.reasoning_ratio_low, self.reasoning_ratio)
        return found


def _movable(view: View, targets: Targets, prices: PriceBook) -> NDArray[np.bool_]:  # [call]
    """Calls that the provider answered and charges for, one request each, at one model's price."""
    trace = view.trace
    rows = charged(view, prices) & (trace.requests == 1)
    rows[[call for call, _, _ in trace.extra]] = False
    known = np.array([name is not None for name in targets.known], np.bool_)
    return np.asarray(rows & known[targets.pair])


def _dollars(
    asked: Asked, decided: Decided, moves: Moves, columns: Mapping[Column, Any],
    charges: tuple[Charge, ...],
) -> dict[str, Any]:  # fmt: skip
    """The break-even, and what the provider's cache serves before and behind the router."""
    view, prices = asked.view, asked.prices
    after = view.edited(**{c.value: v for c, v in columns.items()})
    artifacts, session = asked.artifacts, view.trace.session
    inside = (np.bincount(session[moves.moved], minlength=len(view.trace.sessions)) > 0)[
        session
    ] & view.sent
    was, share = artifacts.bill(view), cached_share(artifacts.leaves(view), inside)
    now, left = artifacts.bill(after), cached_share(artifacts.leaves(after), inside)
    own = overhead_pusd(charges, decided.fees, prices, view.trace.n)
    found = break_even(session, view.sent, moves.moved, was.net_pusd, now.net_pusd + own)
    return {
        "break_even": None if found is None else found.as_dict(),
        "cached_share_before": share,
        "cached_share_after": left,
    }
