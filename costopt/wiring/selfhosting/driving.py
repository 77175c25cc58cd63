"""Drive an endpoint in closed loops over a small grid of loads, with prompts made here."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from costopt.errors import EndpointError
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Completion, Origin, Refusal, Request, Trouble
from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.ports import Endpoint, Progress, silent
from costopt.serving.calibration.observed import Observed

PROBES = (24, 24, 120)
"""Words of the requests that come first: they warm the server up, and show how many tokens a word is."""
MOST_FAILED = 0.2
"""Share of a point's requests that may fail; the others still are its load."""
_VOCABULARY = (
    "order lamp shade switch cable refund parcel carrier invoice stock store glass brass wall floor "
    "broken late missing delivered returned paid open closed today monday number colour size light "
    "customer address street city note call mail price offer spare part repair guarantee month year"
)
_WORDS = _VOCABULARY.split()
_LENGTHS = 0.1
"""Prompts vary by so much around their length: requests of one length would march in step."""


@dataclass(frozen=True, slots=True)
class GridPoint:
    """One load to be driven."""

    concurrency: int
    prompt_tokens: int
    requests: int


@dataclass(frozen=True)
class Grid:
    """Everything that is sent."""

    model: str
    points: tuple[GridPoint, ...]
    output_tokens: int
    seed: int = 0

    @property
    def requests(self) -> int:
        return len(PROBES) + sum(point.requests for point in self.points)

    @property
    def input_tokens(self) -> int:
        """About: a word of the probes is taken for two tokens."""
        return 2 * sum(PROBES) + sum(p.requests * p.prompt_tokens for p in self.points)

    @property
    def most_output_tokens(self) -> int:
        return self.requests * self.output_tokens


@dataclass(frozen=True, slots=True)
class _Told:
    """What one request showed."""

    prompt_tokens: int
    output_tokens: int
    ttft_ms: float
    latency_ms: float


def request_of(grid: Grid, words: int, draw: random.Random) -> Request:
    """A prompt of so many words; it begins like no other, so that no prefix cache knows it."""
    text = f"{draw.getrandbits(40):x} " + " ".join(draw.choices(_WORDS, k=max(words, 1)))
    return Request("", grid.model, (Block(SegmentKind.USER, text),), grid.output_tokens, 0.0)


async def drive(endpoint: Endpoint, grid: Grid, progress: Progress = silent) -> list[Observed]:
    """Every point of the grid, one after the other. EndpointError: it does not answer, or counts nothing."""
    draw = random.Random(grid.seed)
    try:
        base, each = await _words_to_tokens(endpoint, grid, draw)
        found, done = [], len(PROBES)
        for point in grid.points:
            words = [
                max(1, round((point.prompt_tokens * draw.uniform(1 - _LENGTHS, 1 + _LENGTHS) - base) / each))
                for _ in range(point.requests)
            ]  # fmt: skip
            requests = [request_of(grid, n, draw) for n in words]
            found.append(await _point(endpoint, point, requests))
            done += point.requests
            progress("driving the endpoint", done, grid.requests)
        return found
    finally:
        await endpoint.close()


async def _words_to_tokens(
    endpoint: Endpoint, grid: Grid, draw: random.Random
) -> tuple[float, float]:
    """Tokens of an empty prompt and of a word, from the usage that comes back."""
    seen: dict[int, int] = {}
    for number, words in enumerate(PROBES):
        outcome = await endpoint.complete(request_of(grid, words, draw), f"probe-{number}")
        told = _read(outcome)
        if told is not None:
            seen[words] = told.prompt_tokens
        elif isinstance(outcome, Refusal):
            raise _failed(outcome)
    if len(seen) < 2:
        raise EndpointError(
            f"{endpoint.name} gives no usage, so nobody knows how long its prompts are.",
            hint="vLLM, SGLang and llama.cpp's own server count their tokens.",
        )
    (short, few), (long, many) = sorted(seen.items())
    each = (many - few) / (long - short)
    if each <= 0:
        raise EndpointError(
            f"{endpoint.name} counts as many tokens for a long prompt as for a short one: it invents"
            " its usage."
        )
    return few - each * short, each


async def _point(endpoint: Endpoint, point: GridPoint, requests: list[Request]) -> Observed:
    """`concurrency` clients, each sends its next request when its last one is answered."""
    told: list[_Told | None] = [None] * len(requests)
    refusals: list[Refusal] = []
    waiting = iter(range(len(requests)))

    async def client() -> None:
        for place in waiting:
            outcome = await endpoint.complete(requests[place], f"{point.concurrency}-{place}")
            if isinstance(outcome, Refusal):
                refusals.append(outcome)
                if outcome.trouble is Trouble.STOP:
                    raise _failed(outcome)
            told[place] = _read(outcome)

    started = perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(point.concurrency):
                group.create_task(client())
    except* EndpointError as errors:
        raise errors.exceptions[0] from None
    span_s = perf_counter() - started
    known = [one for one in told if one is not None]
    if len(known) < (1 - MOST_FAILED) * len(requests):
        if refusals:
            raise _failed(refusals[0])
        raise EndpointError(f"{endpoint.name} gave no usage with most of its answers.")
    return Observed(
        point.concurrency, point.prompt_tokens,
        np.array([t.prompt_tokens for t in known], np.int64),
        np.array([t.output_tokens for t in known], np.int64),
        np.array([t.ttft_ms for t in known]), np.array([t.latency_ms for t in known]), span_s,
    )  # fmt: skip


def _read(outcome: Completion | Refusal) -> _Told | None:
    """None: not answered, or not counted. EndpointError: counted by a mock."""
    if isinstance(outcome, Refusal):
        return None
    if outcome.origin is Origin.MOCK:
        raise EndpointError(
            "this server invents its answers and its usage: there is nothing to fit."
        )
    leaves = outcome.answer.leaves
    if leaves is None or sum(leaves[OUTPUT]) < 1:
        return None
    first = np.nan if outcome.ttft_ms is None else outcome.ttft_ms
    return _Told(max(sum(leaves[INPUT]), 1), sum(leaves[OUTPUT]), first, outcome.latency_ms)


def _failed(refusal: Refusal) -> EndpointError:
    return EndpointError(refusal.message, hint=refusal.hint)
