"""The parts of the execution by themselves: group commit, spend stop, gate, order."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from costopt.model.exchange import (
    Answer,
    Attempt,
    AttemptState,
    Completion,
    Limits,
    Origin,
    Settled,
    Trouble,
)
from costopt.replay.execute.chains import chains
from costopt.replay.execute.journal import Journal, Turns
from costopt.replay.execute.limits import Gate, Patience
from costopt.replay.execute.spend import Spend
from costopt.replay.items import Arm
from tests.replay.made_plan import answer, item, refusal, sessions


class Slow:
    """A ledger whose commits take a while; `commits` are what each held."""

    def __init__(self, seconds: float = 0.005) -> None:
        self.seconds, self.threads = seconds, set[int]()
        self.commits: list[list[tuple[str, str, int]]] = []
        self.broken: Exception | None = None

    def open(self, attempts: Sequence[Attempt]) -> None:
        self._commit([("open", a.item, a.number) for a in attempts])

    def settle(self, settled: Sequence[Settled]) -> None:
        self._commit([("settle", s.item, s.number) for s in settled])

    def _commit(self, what: list[tuple[str, str, int]]) -> None:
        if not what:
            return
        if self.broken:
            raise self.broken
        self.threads.add(threading.get_ident())
        time.sleep(self.seconds)
        self.commits.append(what)

    @property
    def told(self) -> list[tuple[str, str, int]]:
        return [entry for commit in self.commits for entry in commit]


def opening(name: str, number: int = 1) -> Attempt:
    return Attempt(1, name, number, 10, 1)


def settling(name: str, number: int = 1) -> Settled:
    return Settled(1, name, number, AttemptState.ANSWERED, 2, 3)


def test_what_waits_is_committed_together_and_in_order() -> None:
    ledger = Slow()

    async def lane(journal: Journal, name: str) -> None:
        for number in range(1, 11):
            await journal.opened(opening(name, number))
            assert ("open", name, number) in ledger.told, "it is on disk when it returns"
            journal.settle(settling(name, number))

    async def all_lanes() -> None:
        journal = Journal(Turns(ledger))  # type: ignore[arg-type]
        await asyncio.gather(*(lane(journal, f"l{n}") for n in range(64)))
        await journal.close()

    asyncio.run(all_lanes())
    told = ledger.told
    assert len(told) == len(set(told)) == 2 * 64 * 10
    for n in range(64):
        mine = [(kind, number) for kind, name, number in told if name == f"l{n}"]
        assert mine == [(k, i) for i in range(1, 11) for k in ("open", "settle")]
    assert len(ledger.commits) <= 60, "one commit for all that wait"
    assert len(ledger.threads) == 1 and threading.get_ident() not in ledger.threads


def test_one_alone_does_not_wait_for_others() -> None:
    async def one() -> float:
        journal = Journal(Turns(Slow(0.0)))  # type: ignore[arg-type]
        began = time.perf_counter()
        for n in range(20):
            await journal.opened(opening(f"i{n}"))
            await journal.settled(settling(f"i{n}"))
        took = time.perf_counter() - began
        await journal.close()
        return took

    assert asyncio.run(one()) < 0.5


def test_a_ledger_that_fails_lets_nothing_pass() -> None:
    ledger = Slow(0.0)

    async def failing() -> None:
        journal = Journal(Turns(ledger))  # type: ignore[arg-type]
        await journal.opened(opening("a"))
        ledger.broken = OSError("disk full")
        for name in "bc":
            with pytest.raises(OSError, match="disk full"):
                await journal.opened(opening(name))
        ledger.broken = None
        with pytest.raises(OSError, match="disk full"):
            await journal.opened(opening("d"))
        with pytest.raises(OSError, match="disk full"):
            await journal.close()

    asyncio.run(failing())
    assert ledger.told == [("open", "a", 1)]


@pytest.mark.parametrize("seed", range(20))
def test_the_budget_holds_whatever_comes_back_when(seed: int) -> None:
    """Random worst cases, charges, doubts: the sum never breaks the budget, and stops only where it must."""
    chance = random.Random(seed)
    budget = chance.randrange(500, 3_000)
    spend = Spend(budget)
    refused: list[int] = []

    async def lane() -> None:
        for _ in range(20):
            worst = chance.randrange(1, 200)
            if not await spend.reserve(worst):
                refused.append(worst)
                assert spend.exhausted
                return
            assert spend.total_pusd <= budget
            await asyncio.sleep(chance.random() * 0.001)
            if chance.random() < 0.1:
                spend.doubt(worst)
            else:
                spend.charge(worst, chance.randrange(worst + 1))

    async def lanes() -> None:
        await asyncio.wait_for(asyncio.gather(*(lane() for _ in range(8))), 10)

    asyncio.run(lanes())
    assert spend.reserved_pusd == 0 and spend.total_pusd <= budget
    if refused:
        assert spend.total_pusd + max(refused) > budget


def test_a_small_request_does_not_overtake_one_that_waits_for_money() -> None:
    async def scene() -> list[str]:
        spend, order = Spend(100), []

        async def ask(name: str, worst: int) -> None:
            if await spend.reserve(worst):
                order.append(name)

        await ask("under way", 90)
        waiting = [asyncio.create_task(ask(n, w)) for n, w in (("large", 80), ("small", 5))]
        await asyncio.sleep(0)
        spend.charge(90, 10)
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(scene()) == ["under way", "large", "small"]


def gate(most: int = 16, clock: Any = None) -> Gate:
    return Gate(most, asyncio.Event(), Patience(), clock)


def test_a_429_halves_and_answers_let_it_grow_again() -> None:
    async def scene() -> None:
        now = [0.0]
        way = gate(16, lambda: now[0])
        entered = [await way.enter() for _ in range(16)]
        now[0] = 1.0
        for at in entered[:8]:
            assert at is not None
            way.leave(at, refusal(Trouble.RETRY, 429))
        assert way.allowed == 8, "those under way at the halving do not halve again"
        for at in entered[8:]:
            assert at is not None
            way.leave(at, answer())
        assert 8 <= way.allowed <= 9
        for _ in range(200):
            at = await way.enter()
            assert at is not None
            way.leave(at, answer())
        assert way.allowed == 16
        at = await way.enter()
        assert at is not None
        way.leave(at, refusal(Trouble.RETRY, 500))
        assert way.allowed == 16, "an error of the server says nothing about the rate"

    asyncio.run(scene())


def test_headers_pause_as_long_as_they_say_and_no_longer_than_a_minute() -> None:
    async def scene(limits: Limits) -> float:
        way = gate(clock=lambda: 5.0)
        at = await way.enter()
        assert at is not None
        said = Completion(Answer((), "stop", None), Origin.ENDPOINT, {}, 1.0, limits=limits)
        way.leave(at, said)
        return way.paused_s

    assert asyncio.run(scene(Limits(0, 3.0))) == 3.0
    assert asyncio.run(scene(Limits(1, 3.0, 0, 7.0))) == 7.0
    assert asyncio.run(scene(Limits(1, 3.0, 9, 7.0))) == 0.0
    assert asyncio.run(scene(Limits(0, 1e9))) == Patience().header_s


def test_the_pause_grows_and_is_left_to_chance() -> None:
    patience, chance = Patience(base_s=1.0, cap_s=10.0), random.Random(1)
    for number, most in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (50, 10.0)):
        drawn = [patience.pause_s(number, chance) for _ in range(200)]
        assert 0 <= min(drawn) < most / 5 and most * 0.8 < max(drawn) <= most


def test_the_longest_session_begins_first() -> None:
    items = [*sessions(3, 2), *(item(f"long{n}", session=9, place=n) for n in range(5))]
    begun = chains(items)
    assert [c.items[0].session for c in begun] == [9, 0, 1, 2]
    assert sum(len(c.items) for c in begun) == len(items)


def test_a_session_of_noise_alone_has_nothing_to_wait_for() -> None:
    (chain,) = chains([item("n0", arm=Arm.NOISE), item("n1", place=1, arm=Arm.NOISE)])
    assert chain.items == () and [i.id for i in chain.then[0].items] == ["n0", "n1"]
