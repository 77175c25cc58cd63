"""What became of each planned request so far, over this process and earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from costopt.model.exchange import (
    Attempt,
    AttemptState,
    Completion,
    Outcome,
    Refusal,
    Settled,
    Trouble,
    outcome_from,
)
from costopt.model.ports import ReplayLedger
from costopt.replay.executed import Done

OPEN_OR_DOUBTFUL = (AttemptState.OPEN, AttemptState.IN_DOUBT)
_FINAL = (AttemptState.ANSWERED, AttemptState.UNREADABLE)


@dataclass
class Tally:
    """By item id. Amounts: pico-dollars."""

    words: dict[str, Done] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """Of the last attempt."""
    settled_pusd: int = 0
    in_doubt_pusd: int = 0
    retries: int = 0

    def settle(
        self, item: str, number: int, state: AttemptState, usd_pusd: int, outcome: Outcome | None
    ) -> None:
        """Note what became of an attempt; it is its item's last word."""
        before = self.words.get(item)
        self.numbers[item] = max(number, self.numbers.get(item, 0))
        tries, usd = (before.attempts, before.usd_pusd) if before else (0, 0)
        self.words[item] = Done(item, state, tries + 1, usd + usd_pusd, outcome)
        self.retries += before is not None
        if state in OPEN_OR_DOUBTFUL:
            self.in_doubt_pusd += usd_pusd
        else:
            self.settled_pusd += usd_pusd

    def add(self, rows: Iterable[tuple[Attempt, Settled | None]]) -> None:
        """Attempts as the ledger has them; what is open is in doubt, at its worst case."""
        for attempt, settled in rows:
            if settled is None:
                state, usd, said = AttemptState.IN_DOUBT, attempt.worst_pusd, None
            else:
                state, usd, said = settled.state, settled.usd_pusd, kept(settled.outcome)
            self.settle(attempt.item, attempt.number, state, usd, said)

    def next_number(self, item: str) -> int:
        return self.numbers.get(item, 0) + 1

    def is_final(self, item: str, *, retry_in_doubt: bool) -> bool:
        """Nothing is sent for it any more. What failed without a charge may pass in another process."""
        word = self.words.get(item)
        if word is None:
            return False
        if word.state in OPEN_OR_DOUBTFUL:
            return not retry_in_doubt
        refused = isinstance(word.outcome, Refusal) and word.outcome.trouble is Trouble.REFUSED
        return word.state in _FINAL or refused

    @property
    def doubtful(self) -> bool:
        """Some item's last word is that nobody knows."""
        return any(word.state in OPEN_OR_DOUBTFUL for word in self.words.values())


def kept(told: Mapping[str, object]) -> Outcome | None:
    """The outcome of a settled attempt; None: in doubt after a crash."""
    return outcome_from(told) if "answer" in told or "refusal" in told else None


def without_body(outcome: Outcome) -> Outcome:
    """As the ledger keeps it: a thousand bodies of answers are not held for nothing."""
    if not isinstance(outcome, Completion):
        return outcome
    return Completion(
        outcome.answer, outcome.origin, {}, outcome.latency_ms, outcome.ttft_ms, outcome.request_id
    )


def settle_what_is_open(
    ledger: ReplayLedger, rows: Sequence[tuple[Attempt, Settled | None]], at_us: int
) -> None:
    """A process that died left attempts open: whether they were charged, nobody knows. Lines of batches
    stay open: their jobs are looked up."""
    ledger.settle([
        Settled(a.run, a.item, a.number, AttemptState.IN_DOUBT, at_us, a.worst_pusd)
        for a, settled in rows
        if settled is None and not a.batch
    ])  # fmt: skip
