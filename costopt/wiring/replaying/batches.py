"""The batch APIs of several providers as one: a job's id says whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from costopt.model.exchange import Origin, Outcome, Refusal, Request, Trouble
from costopt.model.ports import BatchEndpoint

_BETWEEN = " "
"""No provider's name and no id holds one."""


class RoutedBatches:
    """A `BatchEndpoint` over those of the providers; the lines of a job are all of one."""

    def __init__(self, endpoints: Mapping[str, BatchEndpoint]) -> None:
        self._endpoints = dict(endpoints)

    @property
    def name(self) -> str:
        return ", ".join(dict.fromkeys(e.name for e in self._endpoints.values()))

    @property
    def origin(self) -> Origin:
        found = {e.origin for e in self._endpoints.values()}
        return found.pop() if len(found) == 1 else Origin.RECORDED

    async def submit(self, requests: Sequence[tuple[str, Request]], mark: str) -> str | Refusal:
        """The provider's job behind the provider's name."""
        provider = requests[0][1].provider
        endpoint = self._endpoints.get(provider)
        if endpoint is None:
            return Refusal(Trouble.REFUSED, f"{provider or 'this provider'} has no batch API here")
        found = await endpoint.submit(requests, mark)
        return found if isinstance(found, Refusal) else f"{provider}{_BETWEEN}{found}"

    async def find(self, mark: str) -> str | None | Refusal:
        """Absent only where every provider says so."""
        troubles: list[Refusal] = []
        for provider, endpoint in self._endpoints.items():
            found = await endpoint.find(mark)
            if isinstance(found, str):
                return f"{provider}{_BETWEEN}{found}"
            troubles += [found] if isinstance(found, Refusal) else []
        return troubles[0] if troubles else None

    async def collect(self, job: str) -> Mapping[str, Outcome] | None | Refusal:
        """From the provider whose job it is."""
        provider, _, own = job.partition(_BETWEEN)
        endpoint = self._endpoints.get(provider)
        if endpoint is None:
            return Refusal(Trouble.REFUSED, f"{provider} has no batch API here")
        return await endpoint.collect(own)

    async def close(self) -> None:
        """Close all of them."""
        for endpoint in self._endpoints.values():
            await endpoint.close()
