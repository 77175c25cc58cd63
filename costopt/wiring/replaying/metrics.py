"""A self-hosted server's own counters around a run: its metrics page before and after."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from costopt.endpoints.connection import Connection
from costopt.endpoints.metrics import difference, read
from costopt.endpoints.prometheus import Page
from costopt.wiring.replaying.places import KEYS


@dataclass
class Counters:
    """Pages of the servers that are not a provider's own; nothing of a provider is asked."""

    connections: Sequence[Connection]
    _before: dict[str, Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {c.base_url: c for c in self.connections if c.hostname not in KEYS}
        self.connections = list(own.values())
        self._before = self._pages()

    def difference(self) -> dict[str, Any]:
        """What the servers counted meanwhile; by host where there are several; {} without a page."""
        after = self._pages()
        found = {
            c.host: told for c in self.connections
            if (told := difference(self._before[c.base_url], after[c.base_url]))
        }  # fmt: skip
        return next(iter(found.values())) if len(found) == 1 else found

    def _pages(self) -> dict[str, Page]:
        async def pages() -> list[Page]:
            return list(await asyncio.gather(*(read(c) for c in self.connections)))

        if not self.connections:
            return {}
        return dict(zip([c.base_url for c in self.connections], asyncio.run(pages()), strict=True))
