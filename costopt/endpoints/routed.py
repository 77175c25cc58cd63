"""One replay over several providers: each request goes to the endpoint of its own."""

from __future__ import annotations

from collections.abc import Mapping

from costopt.model.exchange import Origin, Outcome, Refusal, Request, Trouble
from costopt.model.ports import Endpoint


class Routed:
    """Endpoints by provider; the empty name takes what no other one does."""

    def __init__(self, endpoints: Mapping[str, Endpoint]) -> None:
        self._endpoints = dict(endpoints)

    @property
    def name(self) -> str:
        return ", ".join(dict.fromkeys(e.name for e in self._endpoints.values()))

    @property
    def origin(self) -> Origin:
        """`endpoint` only where all are: a sum is measured when every part of it is."""
        found = {e.origin for e in self._endpoints.values()}
        return found.pop() if len(found) == 1 else Origin.RECORDED

    @property
    def notes(self) -> tuple[str, ...]:
        told = [n for e in self._endpoints.values() for n in getattr(e, "notes", ())]
        return tuple(dict.fromkeys(told))

    async def complete(self, request: Request, item: str) -> Outcome:
        """Send it to its provider's endpoint."""
        found = self._endpoints.get(request.provider) or self._endpoints.get("")
        if found is None:
            known = ", ".join(sorted(self._endpoints)) or "none"
            return Refusal(
                Trouble.REFUSED,
                f"no endpoint for provider {request.provider!r} (there are: {known})",
            )
        return await found.complete(request, item)

    async def close(self) -> None:
        """Close all, each once."""
        for one in {id(e): e for e in self._endpoints.values()}.values():
            await one.close()
