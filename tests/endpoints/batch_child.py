"""A run of batches in a process of its own, killed where it is told to: `moment` of the ledger's calls."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from costopt.endpoints.anthropic_batch import AnthropicBatch
from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_batch import OpenAIBatch
from costopt.replay.execute.batches import Batched, run_batches
from costopt.replay.items import Item
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from costopt.wiring.replaying.reader import SourcesReader
from tests.endpoints.batch_server import KEY
from tests.replay.batch_fakes import HalfPrice, line

KINDS: dict[str, Any] = {"openai": OpenAIBatch, "anthropic": AnthropicBatch}
MODELS = {"openai": ("gpt-5.2", "gpt-5.2-mini"), "anthropic": ("claude-sonnet-4-5",) * 2}


class Killed(StoredReplays):
    """Dies at a call of the ledger, before or after it is carried out."""

    moment = ""

    def _at(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def open(self, attempts: Any) -> None:
        super().open(attempts)
        self._at("opened")

    def note_job(self, run: int, mark: str, job: str) -> None:
        self._at("submitted")
        super().note_job(run, mark, job)
        self._at("noted")

    def settle(self, settled: Any) -> None:
        self._at("collected")
        super().settle(settled)
        self._at("settled")


def lines(kind: str) -> list[Item]:
    """Four lines of one model and, where there are two, one of another."""
    first, second = MODELS[kind]
    return [line(n, first, kind) for n in range(1, 5)] + [line(5, second, kind)]


def go(kind: str, base: str, path: Path, moment: str = "", **more: Any) -> Batched:
    """One process's part of run 1, over a store on disk."""

    async def main(ledger: StoredReplays) -> Batched:
        endpoint = KINDS[kind](Connection(base, KEY, timeout_s=5), SourcesReader())
        try:
            return await run_batches(
                lines(kind), endpoint, ledger, 1, HalfPrice(), poll_s=0.01, longest_poll_s=0.02,
                patience_s=20, **{"absence_s": 0.0, **more},
            )  # fmt: skip
        finally:
            await endpoint.close()

    with Store.open(path) as store:
        ledger = Killed(store)
        ledger.moment = moment
        if ledger.unfinished("plan") is None:
            ledger.begin("data", "plan", {})
        return asyncio.run(main(ledger))


if __name__ == "__main__":
    go(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
