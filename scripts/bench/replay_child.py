"""One way of sending the same requests to a server: told as JSON, the sending alone is timed.

python -m bench.replay_child bare|costopt PORT REQUESTS CONCURRENCY STREAM(1|0)
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.endpoints.wire import openai_chat
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Request
from costopt.model.ports import silent
from costopt.replay.execute.run import execute
from costopt.replay.items import Arm, Half, Item, Plan, Predicted
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from costopt.wiring.replaying.reader import SourcesReader

TURNS = 4
PROMPT_WORDS = 400


def requests(count: int) -> list[Request]:
    """Prompts of some two thousand characters, each its own."""
    return [
        Request(
            "openai", "m", (
                Block(SegmentKind.SYSTEM, "You are brief."),
                Block(SegmentKind.USER, " ".join(f"w{n}-{k}" for k in range(PROMPT_WORDS))),
            ), max_tokens=64,
        )
        for n in range(count)
    ]  # fmt: skip


def bare(port: int, count: int, concurrency: int, stream: int) -> None:
    """The loop that anybody would write: openai's client, a semaphore's worth of workers."""
    import openai

    bodies = [openai_chat.body(r, stream=bool(stream)) for r in requests(count)]

    async def all_of_them() -> None:
        client = openai.AsyncOpenAI(
            api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0
        )
        waiting = iter(bodies)

        async def worker() -> None:
            for body in waiting:
                got = await client.chat.completions.create(**body)
                usage, text = None, ""
                if stream:
                    async for event in got:
                        usage = event.usage or usage
                        text += "".join(c.delta.content or "" for c in event.choices)
                else:
                    usage, text = got.usage, got.choices[0].message.content
                assert usage is not None and text

        async with client:
            await asyncio.gather(*(worker() for _ in range(concurrency)))

    _told(lambda: asyncio.run(all_of_them()))


class PerToken:
    """Prices, as a replay asks for them."""

    def cost(
        self, provider: str, model: str, leaves: Any, tier: str = "default", web_searches: int = 0,
        extra: Any = (),
    ) -> int | None:  # fmt: skip
        return sum(leaves)


def costopt(port: int, count: int, concurrency: int, stream: int) -> None:
    """A replay: ledger on disk, sessions of a few turns, limits, money."""
    predicted = Predicted(100, 0.0, 0.0, 0, 16, 1, None, None)
    items = tuple(
        Item(f"{n:016x}", Arm.POLICY, n, str(n), n // TURNS, n % TURNS, "", (), n // TURNS,
             Half.JUDGES, request, "m", predicted, 100, 1_000)
        for n, request in enumerate(requests(count))
    )  # fmt: skip
    plan = Plan("bench", items, {}, (), count * 100, count * 1_000, {})
    endpoint = OpenAICompatible(
        Connection(f"http://127.0.0.1:{port}/v1", stream=bool(stream)), SourcesReader()
    )
    terms = Terms(concurrency=concurrency, budget_pusd=count * 1_000)
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "l.duckdb") as store:
        ledger = StoredReplays(store)

        def replay() -> None:
            done = execute(plan, endpoint, ledger, terms, PerToken(), dataset="d", progress=silent)
            assert len(done.done) == count and done.retries == 0 and not done.in_doubt_pusd, done

        _told(replay)


def _told(work: Callable[[], None]) -> None:
    import openai.resources.chat.completions  # noqa: F401 - loading it is not the sending

    wall, cpu = perf_counter(), process_time()
    work()
    print(json.dumps({"wall_s": perf_counter() - wall, "cpu_s": process_time() - cpu}))


if __name__ == "__main__":
    kind, *numbers = sys.argv[1:]
    {"bare": bare, "costopt": costopt}[kind](*map(int, numbers))
