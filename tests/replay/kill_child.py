"""A replay that is made to be killed: `python -m tests.replay.kill_child STORE URL SESSIONS TURNS WIDE API`.

It says `started` before it sends, and what it came to at the end. API `raw` asks the server through a few
lines of asyncio, so that the process is there at once; `openai` through the product's own endpoint.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from costopt.model.call import SegmentKind
from costopt.model.exchange import (
    Answer,
    Block,
    Completion,
    Origin,
    Outcome,
    Refusal,
    Request,
    Trouble,
)
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.ports import Endpoint, silent
from costopt.replay.execute.limits import Patience
from costopt.replay.execute.run import execute
from costopt.replay.terms import Terms
from costopt.store.replay_ledger import StoredReplays
from costopt.store.store import Store
from tests.replay.made_plan import plan, sessions

IN_PUSD, OUT_PUSD = 3, 7
"""Pico-dollars a token."""
WORST = 10_000


class PerToken:
    """Prices that tell input from output."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Sequence[tuple[str, Sequence[int]]] = (),
    ) -> int | None:  # fmt: skip
        return leaves[Leaf.INPUT_FRESH] * IN_PUSD + leaves[Leaf.OUTPUT_TEXT] * OUT_PUSD


class Raw:
    """An `Endpoint` with a new connection for each request."""

    name, origin = "raw", Origin.ENDPOINT

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname, parts.port

    async def complete(self, request: Request, item: str) -> Outcome:
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            return Refusal(Trouble.NOT_SENT, str(error))
        try:
            writer.write(_written(request, item))
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            body = await reader.readexactly(length)
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return Refusal(Trouble.UNSURE, repr(error))
        finally:
            writer.close()
        return _heard(int(head.split()[1]), body)

    async def close(self) -> None:
        pass


def _written(request: Request, item: str) -> bytes:
    text = "".join(block.text for block in request.blocks)
    asked = {"model": request.model, "messages": [{"role": "user", "content": text}]}
    body = json.dumps(asked).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"x-client-request-id: {item}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _heard(status: int, body: bytes) -> Outcome:
    if status != 200:
        return Refusal(Trouble.RETRY, f"status {status}", status=status)
    try:
        told: dict[str, Any] = json.loads(body)
        usage, said = told["usage"], told["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        return Refusal(Trouble.UNREADABLE, "no answer", status=200)
    leaves = [0] * N_LEAVES
    leaves[Leaf.INPUT_FRESH] = usage["prompt_tokens"]
    leaves[Leaf.OUTPUT_TEXT] = usage["completion_tokens"]
    block = Block(SegmentKind.ASSISTANT, said or "")
    answer = Answer((block,), "stop", tuple(leaves), id=told["id"])
    return Completion(answer, Origin.ENDPOINT, {}, 1.0)


def _endpoint(url: str, api: str) -> Endpoint:
    if api == "raw":
        return Raw(url)
    from costopt.endpoints.connection import Connection
    from costopt.endpoints.openai_compatible import OpenAICompatible
    from costopt.wiring.replaying.reader import SourcesReader

    return OpenAICompatible(Connection(f"{url}/v1"), SourcesReader())


def main() -> None:
    """One process's part of the replay."""
    path, url, count, turns, wide, api = sys.argv[1:]
    made = plan(sessions(int(count), int(turns), worst=WORST))
    endpoint = _endpoint(url, api)
    patience = Patience(base_s=0.01, cap_s=0.1)
    with Store.open(Path(path)) as store:
        sys.stdout.write("started\n")
        sys.stdout.flush()
        done = execute(
            made, endpoint, StoredReplays(store), Terms(concurrency=int(wide)), PerToken(),
            dataset="d", progress=silent, patience=patience,
        )  # fmt: skip
    told = {"state": done.state, "spent": done.spent_pusd, "in_doubt": done.in_doubt_pusd}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
