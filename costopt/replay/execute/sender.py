"""One planned request to its last word: allowed, paid for, noted, sent, settled, and tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import count

from costopt.model.clock import now_us
from costopt.model.exchange import (
    Attempt,
    AttemptState,
    Outcome,
    Refusal,
    Settled,
    Trouble,
    outcome_json,
)
from costopt.model.ports import Endpoint
from costopt.money import show
from costopt.replay.execute.charges import Prices, charged
from costopt.replay.execute.journal import Journal
from costopt.replay.execute.limits import TOO_MANY, Gate, Patience
from costopt.replay.execute.spend import GO_ON, Spend
from costopt.replay.execute.stopping import Stopping
from costopt.replay.execute.tally import Tally, without_body
from costopt.replay.executed import RunState
from costopt.replay.items import Item
from costopt.replay.terms import Terms

_NOT_SENT = Refusal(Trouble.NOT_SENT, "interrupted before it was sent")


@dataclass
class Sender:
    """What every request of a run goes through."""

    run: int
    endpoint: Endpoint
    journal: Journal
    tally: Tally
    spend: Spend
    money: Prices
    terms: Terms
    patience: Patience
    stopping: Stopping
    chance: random.Random

    def __post_init__(self) -> None:
        self._gates: dict[str, Gate] = {}
        self._answered_at_all = False
        self._failures_in_a_row = 0

    async def send(self, item: Item) -> None:
        """Send it until it is settled for good, or nothing may be sent any more."""
        for tried in count(1):
            gate = self._gate(item)
            outcome = await self._once(item, gate)
            if outcome is None or not self._goes_on(outcome, tried):
                return
            assert isinstance(outcome, Refusal)
            pause = max(outcome.retry_after_s or 0.0, self.patience.pause_s(tried, self.chance))
            if outcome.status == TOO_MANY:
                gate.pause(pause)
            await gate.rest(pause)

    @property
    def paused_s(self) -> float:
        """How long all of it still waits, as the servers asked."""
        return min((gate.paused_s for gate in self._gates.values()), default=0.0)

    def _gate(self, item: Item) -> Gate:
        provider = item.request.provider
        if provider not in self._gates:
            gate = Gate(max(1, self.terms.concurrency), self.stopping.event, self.patience)
            self.stopping.then(gate.stop)
            self._gates[provider] = gate
        return self._gates[provider]

    async def _once(self, item: Item, gate: Gate) -> Outcome | None:
        """One attempt; None: it was not made."""
        entered = await gate.enter()
        if entered is None:
            return None
        outcome = None
        try:
            if not await self.spend.reserve(item.worst_pusd):
                self._over_budget(item)
            elif self.stopping:
                self.spend.charge(item.worst_pusd, 0)
            else:
                outcome = await self._sent(item)
        finally:
            gate.leave(entered, outcome)
        return outcome

    async def _sent(self, item: Item) -> Outcome:
        number = self.tally.next_number(item.id)
        attempt = Attempt(self.run, item.id, number, item.worst_pusd, now_us())
        outcome: Outcome | None = _NOT_SENT
        try:
            await self.journal.opened(attempt)
            outcome = None
            outcome = await self.endpoint.complete(item.request, item.id)
            return outcome
        finally:  # whatever ends it: what may have been charged is counted
            self._settle(item, attempt, outcome)

    def _settle(self, item: Item, attempt: Attempt, outcome: Outcome | None) -> None:
        state, usd = charged(item, outcome, self.money)
        told = outcome_json(outcome) if outcome is not None else {}
        settled = Settled(self.run, item.id, attempt.number, state, now_us(), usd, told)
        self.journal.settle(settled)
        said = without_body(outcome) if outcome is not None else None
        self.tally.settle(item.id, attempt.number, state, usd, said)
        if state is AttemptState.IN_DOUBT:
            self.spend.doubt(item.worst_pusd)
        else:
            self.spend.charge(item.worst_pusd, usd)

    def _goes_on(self, outcome: Outcome, tried: int) -> bool:
        """Whether it is sent once more. Counts what tells that nothing will pass."""
        trouble = outcome.trouble if isinstance(outcome, Refusal) else None
        self._answered_at_all |= trouble is not Trouble.NOT_SENT
        if not isinstance(outcome, Refusal) or trouble in (Trouble.REFUSED, Trouble.UNREADABLE):
            self._failures_in_a_row = 0
            return False
        if trouble is Trouble.STOP:
            self._stop(outcome)
        elif trouble is Trouble.UNSURE:
            if self.terms.retry_in_doubt and tried == 1:
                return True
            self._count_failure(outcome)
        elif (outcome.retry_after_s or 0.0) > self.patience.longest_s:
            self._stop(outcome, "the server asks for a longer pause: go on later with --resume")
        elif tried < self._tries(outcome):
            return True
        else:
            self._count_failure(outcome)
        return False

    def _tries(self, refusal: Refusal) -> int:
        new = refusal.trouble is Trouble.NOT_SENT and not self._answered_at_all
        return self.patience.first_attempts if new else self.patience.attempts

    def _count_failure(self, refusal: Refusal) -> None:
        self._failures_in_a_row += 1
        never = refusal.trouble is Trouble.NOT_SENT and not self._answered_at_all
        if never or self._failures_in_a_row >= self.patience.failures_in_a_row:
            self._stop(refusal)

    def _stop(self, refusal: Refusal, hint: str = "") -> None:
        self.stopping.stop(RunState.STOPPED, refusal.message, hint or refusal.hint)

    def _over_budget(self, item: Item) -> None:
        more = f"the next request may cost {show(item.worst_pusd)}"
        self.stopping.stop(RunState.STOPPED_BY_BUDGET, self.spend.told(more), GO_ON)
