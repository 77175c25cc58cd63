"""Short ways to ask an endpoint in a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from costopt.endpoints.connection import Connection
from costopt.endpoints.sending import HttpEndpoint
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Completion, Outcome, Refusal, Request
from costopt.wiring.replaying.reader import SourcesReader

KEY = "sk-of-a-test-0123456789abcdef"


def request(text: str = "what is the price of it", model: str = "m", **more: Any) -> Request:
    """One user message under a system prompt; 24 tokens of answer at most."""
    blocks = (Block(SegmentKind.SYSTEM, "Answer shortly."), Block(SegmentKind.USER, text))
    return Request("openai", model, blocks, **{"max_tokens": 24, "temperature": 0.0, **more})


Kind = Callable[[Connection, SourcesReader], HttpEndpoint]


def ask(
    kind: Kind, url: str, *requests: Request, **settings: Any
) -> tuple[list[Outcome], HttpEndpoint]:
    """Their outcomes one after the other, and the endpoint that gave them."""

    async def run() -> tuple[list[Outcome], HttpEndpoint]:
        endpoint = kind(Connection(url, **{"timeout_s": 5.0, **settings}), SourcesReader())
        try:
            found = [await endpoint.complete(r, f"item{i}") for i, r in enumerate(requests)]
        finally:
            await endpoint.close()
        return found, endpoint

    return asyncio.run(run())


def one(kind: Kind, url: str, asked: Request | None = None, **settings: Any) -> Outcome:
    return ask(kind, url, asked or request(), **settings)[0][0]


def completed(outcome: Outcome) -> Completion:
    assert isinstance(outcome, Completion), outcome
    return outcome


def refused(outcome: Outcome) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    return outcome
