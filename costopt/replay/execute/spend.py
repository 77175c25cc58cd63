"""The spend stop: no request is opened whose worst case, with all that is outstanding, breaks the budget."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from costopt.money import show

GO_ON = "a larger --budget goes on with this run, where --sample stays the same"
"""For people, where the budget stopped it."""


@dataclass
class Spend:
    """Pico-dollars of a run. What is settled, reserved and in doubt stays within the budget."""

    budget_pusd: int | None
    """None: no bound was given."""
    settled_pusd: int = 0
    in_doubt_pusd: int = 0
    reserved_pusd: int = 0
    """Worst cases of what is under way."""
    exhausted: bool = False
    """A request did not fit although nothing was under way: nothing more is sent."""
    _waiting: deque[tuple[int, asyncio.Future[bool]]] = field(default_factory=deque, repr=False)

    @property
    def total_pusd(self) -> int:
        return self.settled_pusd + self.in_doubt_pusd + self.reserved_pusd

    def told(self, more: str) -> str:
        """A sentence for people: how much is counted, and what does not fit."""
        return f"{show(self.total_pusd)} of {show(self.budget_pusd or 0)} are spent or in doubt; {more}"

    async def reserve(self, worst_pusd: int) -> bool:
        """Set a request's worst case aside, once it fits; False: it never will.

        Who comes first is served first: a small request does not overtake one that waits.
        """
        if not self._waiting and self._take(worst_pusd):
            return True
        if self.exhausted or not self.reserved_pusd:
            self._exhaust()
            return False
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((worst_pusd, turn))
        return await turn

    def take(self, worst_pusd: int, *, anyway: bool = False) -> bool:
        """Set it aside at once; False: it does not fit, and nothing is set aside."""
        if anyway:
            self.reserved_pusd += worst_pusd
            return True
        return self._take(worst_pusd)

    def charge(self, worst_pusd: int, usd_pusd: int) -> None:
        """A request was settled: its reservation becomes what was charged."""
        self.exchange(worst_pusd, usd_pusd, 0)

    def doubt(self, worst_pusd: int) -> None:
        """Nobody knows whether it was charged: it stays counted at its worst."""
        self.exchange(worst_pusd, 0, worst_pusd)

    def exchange(self, reserved_pusd: int, settled_pusd: int, in_doubt_pusd: int) -> None:
        """A reservation becomes what is known now; who waits for money may be served."""
        self.reserved_pusd -= reserved_pusd
        self.settled_pusd += settled_pusd
        self.in_doubt_pusd += in_doubt_pusd
        self._serve()

    def _take(self, worst_pusd: int) -> bool:
        fits = self.budget_pusd is None or self.total_pusd + worst_pusd <= self.budget_pusd
        if fits and not self.exhausted:
            self.reserved_pusd += worst_pusd
            return True
        return False

    def _serve(self) -> None:
        while self._waiting:
            worst, turn = self._waiting[0]
            if turn.cancelled():
                self._waiting.popleft()
            elif self._take(worst):
                self._waiting.popleft()
                turn.set_result(True)
            elif self.reserved_pusd:
                return
            else:
                self._exhaust()

    def _exhaust(self) -> None:
        self.exhausted = True
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.cancelled():
                turn.set_result(False)
