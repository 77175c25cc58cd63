"""A judge's requests: planned, bounded by what the budget has left, sent under the same ledger, charged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from costopt.model.exchange import Origin, Request
from costopt.money import show
from costopt.replay.compare.agreement.base import Pair
from costopt.replay.compare.agreement.judge import VERDICT_TOKENS as MOST_VERDICT_TOKENS
from costopt.replay.compare.agreement.judge import Judged, judge_requests, verdicts_of
from costopt.replay.compare.known import Known
from costopt.replay.compare.measured import measured_rows
from costopt.replay.compare.pairs import pairs_of
from costopt.replay.executed import Executed, RunState
from costopt.replay.items import Arm, Half, Item, Plan, Predicted
from costopt.replay.money import Money
from costopt.wiring.replaying.answers import LogAnswers
from costopt.wiring.replaying.asked import Asked

BYTES_A_TOKEN = 2
"""At worst, as a plan's own requests are bounded."""
EXPECTED_BYTES_A_TOKEN = 4
VERDICT_TOKENS = 5
"""An expected verdict: one word."""
USUAL_TOKENS = 12_500
"""Three quoted texts at their longest, at two characters a token."""
Run = Callable[[Plan, int], Executed]
"""Carries out a plan within so many pico-dollars under the replay's ledger."""


@dataclass(frozen=True)
class Asking:
    """Whom to ask, with what money."""

    asked: Asked
    money: Money
    run: Run

    @property
    def model(self) -> str:
        """Under the endpoint's name."""
        return judge_of(self.asked)[1]

    def most_pusd(self, requests: int) -> int:
        """What a judge of so many requests' answers may cost: two questions each, at usual lengths."""
        provider, model = judge_of(self.asked)
        usual = Request(provider, model, (), max_tokens=MOST_VERDICT_TOKENS)
        return 2 * requests * self.money.bounds(usual, USUAL_TOKENS)[1]

    def judge(
        self, plan: Plan, executed: Executed, answers: LogAnswers, known: Known
    ) -> Judged | None:
        """Verdicts on the judging half's pairs, in both orders; None: there is no pair."""
        measured = measured_rows(plan, executed, Origin.ENDPOINT)
        found = pairs_of(measured, answers.reference, known).half(Half.JUDGES)
        pairs = [*found.compared, *found.noise]
        left = self._left(plan, executed)
        kept, items = self._affordable(pairs, plan, left)
        if not kept:
            return None
        judging = _plan(plan, items)
        done = self.run(judging, left)
        outcomes = {i: word.outcome for i, word in done.done.items() if word.outcome is not None}
        return Judged(
            self.model, verdicts_of(kept, outcomes), len(kept), done.spent_pusd, done.in_doubt_pusd,
            tuple(_notes(len(pairs), len(kept), done)),
        )  # fmt: skip

    def _left(self, plan: Plan, executed: Executed) -> int:
        """What was said before, and never more than the budget has left."""
        most = self.most_pusd(len(plan.items))
        budget = self.asked.terms.budget_pusd
        if budget is None:
            return most
        return max(0, min(most, budget - executed.spent_pusd - executed.in_doubt_pusd))

    def _affordable(
        self, pairs: Sequence[Pair], plan: Plan, left: int
    ) -> tuple[list[Pair], list[Item]]:
        """Pairs whose requests fit at their worst, in the plan's order."""
        kept: list[Pair] = []
        items: list[Item] = []
        worst = 0
        for pair in pairs:
            provider, model = judge_of(self.asked, pair.item.request.provider)
            both = judge_requests(pair, provider=provider, model=model, secret=plan.id)
            made = [self._item(pair.item, name, request) for name, request in both]
            worst += sum(item.worst_pusd for item in made)
            if worst > left:
                break
            kept.append(pair)
            items += made
        return kept, items

    def _item(self, of: Item, name: str, request: Request) -> Item:
        """One question of the judge, alone in its chain."""
        size = sum(len(b.text.encode("utf-8", "replace")) for b in request.blocks)
        tokens = size // EXPECTED_BYTES_A_TOKEN + 1
        expected, worst = self.money.bounds(
            request, tokens, VERDICT_TOKENS, worst_input=size // BYTES_A_TOKEN + 64
        )
        told = Predicted(tokens, 0.0, 0.0, 0, VERDICT_TOKENS, expected, None, None)
        return replace(
            of, id=name, arm=Arm.POLICY, session=-1 - int(name[:7], 16), place=0, stratum="judge",
            layers=(), request=request, logged_model=request.model, predicted=told,
            expected_pusd=expected, worst_pusd=worst, reference="",
        )  # fmt: skip


def judge_of(asked: Asked, provider: str = "") -> tuple[str, str]:
    """(provider, model). `anthropic/claude-...` names both where a place has that provider; else the
    judge is asked where the judged requests went."""
    places = [p.provider for p in asked.places]
    head, slash, rest = asked.terms.judge.partition("/")
    if slash and head and head in places:
        return head, rest
    return provider or next(filter(None, places), "openai"), asked.terms.judge


def _plan(plan: Plan, items: Sequence[Item]) -> Plan:
    """A plan of its own: it goes on by itself after a crash, as the replay does."""
    ids = "".join(item.id for item in items)
    name = hashlib.blake2b(f"judge {plan.id} {ids}".encode(), digest_size=8).hexdigest()
    return Plan(
        name, tuple(items), {}, (), sum(i.expected_pusd for i in items),
        sum(i.worst_pusd for i in items), {},
    )  # fmt: skip


def _notes(pairs: int, kept: int, done: Executed) -> list[str]:
    found = [f"The judge cost {show(done.spent_pusd)}; it is part of what was spent."]
    if kept < pairs:
        found.append(f"The budget left room for {kept:,} of {pairs:,} pairs to be judged.")
    if done.state is not RunState.DONE:
        found.append(f"The judge was not asked to the end: {done.trouble or done.state.value}.")
    return found
