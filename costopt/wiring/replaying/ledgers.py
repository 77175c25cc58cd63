"""The ledger of a replay, and the prices of one that asks the log: nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store


class Runs(StoredReplays):
    """Runs in the store that are over only once their result is kept: who stops in between goes on with
    the answers that are paid for. In a store in memory they are gone with it."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._sent: list[tuple[int, Mapping[str, Any]]] = []

    def finish(self, run: int, summary: Mapping[str, Any]) -> None:
        """Nothing of it will be sent any more; noted by `result_kept`."""
        self._sent.append((run, summary))

    def result_kept(self) -> None:
        """The runs that were sent are over."""
        for run, summary in self._sent:
            super().finish(run, summary)
        self._sent.clear()


class Nothing:
    """What the log's own answers cost when they are asked for once more."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Sequence[tuple[str, Sequence[int]]] = (),
    ) -> int | None:  # fmt: skip
        """$0."""
        return 0
