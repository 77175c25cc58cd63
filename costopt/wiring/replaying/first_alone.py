"""The first request to a model goes alone: a wrong address, key or model costs one refused request."""

from __future__ import annotations

import asyncio

from costopt.model.exchange import Origin, Outcome, Refusal, Request, Trouble
from costopt.model.ports import Endpoint

PATIENCE_S = 15.0
"""Refusals come at once: who has waited so long for a first answer need not wait for it any more."""
_NOT_SENT = Refusal(Trouble.NOT_SENT, "not sent: the first request was refused")


class FirstAlone:
    """An endpoint that lets the first request of each model through alone, the others once it passed."""

    def __init__(self, endpoint: Endpoint, patience_s: float = PATIENCE_S) -> None:
        self._endpoint, self._patience_s = endpoint, patience_s
        self._open: set[tuple[str, str]] = set()
        self._turns: dict[tuple[str, str], asyncio.Lock] = {}
        self._stopped = False

    @property
    def name(self) -> str:
        return self._endpoint.name

    @property
    def origin(self) -> Origin:
        return self._endpoint.origin

    @property
    def notes(self) -> tuple[str, ...]:
        """What the endpoint found out about its server."""
        return tuple(getattr(self._endpoint, "notes", ()))

    async def complete(self, request: Request, item: str) -> Outcome:
        """Send it, behind the first of its model."""
        name = (request.provider, request.model)
        if name in self._open:
            return await self._endpoint.complete(request, item)
        turn = self._turns.setdefault(name, asyncio.Lock())
        try:
            await asyncio.wait_for(turn.acquire(), self._patience_s)
        except TimeoutError:
            self._open.add(name)
            return await self._endpoint.complete(request, item)
        try:
            if self._stopped:
                return _NOT_SENT
            if name not in self._open:
                return self._learnt(name, await self._endpoint.complete(request, item))
        finally:
            turn.release()
        return await self._endpoint.complete(request, item)

    def _learnt(self, name: tuple[str, str], outcome: Outcome) -> Outcome:
        """What did not reach the server says nothing: the next one goes alone, too."""
        if isinstance(outcome, Refusal) and outcome.trouble is Trouble.STOP:
            self._stopped = True
        elif not isinstance(outcome, Refusal) or outcome.trouble is not Trouble.NOT_SENT:
            self._open.add(name)
        return outcome

    async def close(self) -> None:
        await self._endpoint.close()
