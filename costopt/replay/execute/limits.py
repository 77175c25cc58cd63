"""A provider's rate limits: how many requests may be under way, and from when on.

429 and Retry-After stop everything that goes to this provider, not the one request that was told so.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from costopt.model.exchange import Limits, Outcome, Refusal, Trouble

TOO_MANY = 429


@dataclass(frozen=True)
class Patience:
    """How long and how often; seconds."""

    attempts: int = 6
    """Sendings of one request that the server puts off, or that do not reach it."""
    first_attempts: int = 3
    """The same while no server has answered anything: a wrong address is told soon."""
    base_s: float = 0.5
    """The first pause is drawn from zero to this, each later one from twice the range."""
    cap_s: float = 30.0
    longest_s: float = 900.0
    """A server that asks for more than this ends the run; it goes on later."""
    header_s: float = 60.0
    """Most that is waited because an answer's headers say that nothing is left: their reset is when all is
    there again, not when the next request may go. Who comes too early is told by a 429."""
    grace_s: float = 5.0
    """After Ctrl-C, for what is under way."""
    failures_in_a_row: int = 8
    """Requests that failed in all their attempts, none answered between: the server is not well."""
    batch_poll_s: float = 10.0
    batch_s: float = 1800.0

    def pause_s(self, number: int, chance: random.Random) -> float:
        """Before the next sending after the `number`th: exponential, all of it left to chance."""
        reach = min(self.cap_s, self.base_s * 2.0 ** min(number - 1, 30))
        return reach * chance.random()


class Gate:
    """The way to one provider. `stopping`: set when nothing more is to be sent."""

    def __init__(
        self, most: int, stopping: asyncio.Event, patience: Patience,
        clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._most, self._patience = most, patience
        self._allowed = float(most)
        self._stopping = stopping
        self._clock = clock or asyncio.get_running_loop().time
        self._open_at = 0.0
        self._halved_at = float("-inf")
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.under_way = 0

    @property
    def allowed(self) -> int:
        """Requests that may be under way: halved by a 429, growing by one a round of answers."""
        return int(self._allowed)

    @property
    def paused_s(self) -> float:
        """How long nothing may be sent from now on."""
        return max(0.0, self._open_at - self._clock())

    async def enter(self) -> float | None:
        """Wait for a place; the time of entering, to be given to `leave`. None: nothing is sent any more."""
        while not self._stopping.is_set():
            if self.paused_s:
                await self.rest(self.paused_s)
            elif self.under_way < self.allowed:
                self.under_way += 1
                return self._clock()
            else:
                await self._turn()
        return None

    def leave(self, entered: float, outcome: Outcome | None = None) -> None:
        """Give the place back. `outcome`: what the server said, from which its limits are learnt."""
        self.under_way -= 1
        if outcome is not None:
            self._learn(entered, outcome)
        self._wake()

    def pause(self, seconds: float) -> None:
        """Nothing is sent for so long."""
        self._open_at = max(self._open_at, self._clock() + seconds)

    async def rest(self, seconds: float) -> None:
        """Sleep, unless everything stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def stop(self) -> None:
        """Let all who wait see that nothing is sent any more."""
        self._wake(all_of_them=True)

    def _learn(self, entered: float, outcome: Outcome) -> None:
        self.pause(min(_asked_s(outcome.limits), self._patience.header_s))
        if not isinstance(outcome, Refusal):
            self._allowed = min(self._most, self._allowed + 1.0 / self._allowed)
        elif outcome.trouble is Trouble.RETRY:
            if outcome.retry_after_s:
                self.pause(outcome.retry_after_s)
            if outcome.status == TOO_MANY and entered >= self._halved_at:
                # Those that were under way at the halving say nothing about what is left now.
                self._allowed = max(1.0, self._allowed / 2)
                self._halved_at = self._clock()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _wake(self, *, all_of_them: bool = False) -> None:
        free = len(self._waiting) if all_of_them else self.allowed - self.under_way
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


def _asked_s(limits: Limits) -> float:
    """What the headers ask to wait: until the window in which nothing is left ends."""
    asked = 0.0
    if limits.requests_left == 0:
        asked = limits.requests_reset_s or 0.0
    if limits.tokens_left == 0:
        asked = max(asked, limits.tokens_reset_s or 0.0)
    return asked
