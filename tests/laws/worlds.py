"""Made-up traces on which the laws run: agents with tools, repeats, failures, and logs that keep little.

Everything comes from a seed. Words are ours; lengths are such that prefixes reach a provider's minimum.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from costopt.model.build import trace_of
from costopt.model.call import Breakpoint, Call, CallStatus, Segment, SegmentKind, missing_usage
from costopt.model.trace import Trace
from costopt.prices.contract import CacheRules, DatedRates, RatePeriod, Unpriced
from tests.billing.small import seg, usage
from tests.fakes import FakeBook
from tests.layers.context import Kept, texts_of

START_US = 1_790_000_000_000_000
MODELS = (("openai", "big"), ("openai", "small"), ("anthropic", "tall"), ("google", "wide"))
AGENTS = ("planner", "searcher", "nightly-digest")
QUESTIONS = (
    "What became of order 1042, and when will it arrive?",
    "Classify this letter as complaint, praise or question: the lamp came broken.",
    "List the files that define the parser and explain the failing test.",
    "How many rows does the table of invoices have?",
)
TOOLS = ("search", "read_file", "run_tests", "write_file")


class LawBook(FakeBook):
    """Round prices; Anthropic caches up to its marks, as it does."""

    def __init__(self, factor: int = 1) -> None:
        self.factor = factor

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        found = super().rates(provider, model, tier=tier, region=region, speed=speed)
        if isinstance(found, Unpriced):
            return found
        return replace(found, periods=tuple(self._times(p) for p in found.periods))

    def _times(self, period: RatePeriod) -> RatePeriod:
        tiers = tuple(
            replace(t, rates=tuple(r * self.factor for r in t.rates)) for t in period.tiers
        )
        return replace(period, tiers=tiers, web_search_pusd=period.web_search_pusd * self.factor)

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        rules = super().cache_rules(provider, model, at_us)
        if provider != "anthropic":
            return rules
        return replace(rules, mode="breakpoint", step_tokens=1, write_multiplier_ppm=1_250_000)


@dataclass(frozen=True, eq=False)
class World:
    """A trace with its texts."""

    name: str
    trace: Trace
    texts: Kept


def words(chance: random.Random, size: int) -> str:
    """Text of about this many bytes, with numbers, paths and names in it."""
    out, length = [], 0
    while length < size:
        n = chance.randrange(1000)
        word = chance.choice(("row", "value", f"id-{n}", f"/data/{n}.csv", f"{n}.5", "total", "ok"))
        out.append(word)
        length += len(word) + 1
    return " ".join(out)


def session(chance: random.Random, number: int, steps: int) -> list[Call]:
    """One run: a question, then steps that call tools, sometimes the same one again."""
    provider, model = MODELS[number % len(MODELS)]
    agent = AGENTS[number % len(AGENTS)]
    said = [seg(f"tools:{words(random.Random(agent), 400)}"),
            seg(f"system:You are {agent}. {words(random.Random(agent), 900)}"),
            seg(f"user:{chance.choice(QUESTIONS)}")]  # fmt: skip
    at, out, before = START_US + number * 40_000_000, [], 0
    for step in range(steps):
        answer = _answer(chance, said, last=step == steps - 1)
        size = sum(len(s.text) for s in said)
        read = before // 128 * 128 if step and chance.random() < 0.8 and before >= 1024 else 0
        spent = usage(size + 7 - read, read, 0, sum(len(s.text) for s in answer) + 5)
        out.append(Call(
            key=f"{number}-{step}", id=f"{number}-{step}", usage=spent, session_id=f"s{number}",
            agent=agent, task=f"t{number % 2}", tenant=f"acme{number % 2}", provider=provider,
            workspace=f"team{number % 3}",
            model=model, at_us=at, latency_ms=900.0, ttft_ms=300.0, max_tokens=900,
            temperature=0.0 if number % 2 else 0.7, finish="stop",
            metadata={"outcome": "solved" if number % 3 else "given up", "flow": f"f{number % 2}"},
            request=_marked(said) if provider == "anthropic" else list(said), response=answer,
        ))  # fmt: skip
        before, at = size, at + chance.choice((4, 30, 700)) * 1_000_000
        said = [*said, *answer, *_results(chance, answer)]
        if answer[-1].kind != SegmentKind.TOOL_CALL:
            said.append(seg(f"user:{chance.choice(QUESTIONS)}"))
    return out


def _answer(chance: random.Random, said: list[Segment], last: bool) -> list[Segment]:
    if last or chance.random() < 0.2:
        return [seg(f"assistant:It is {chance.randrange(50)}. {words(chance, 60)}")]
    asked = [s for s in said if s.kind == SegmentKind.TOOL_CALL]
    if asked and chance.random() < 0.4:
        return [Segment(SegmentKind.TOOL_CALL, (again := chance.choice(asked)).text, again.name)]
    made = [seg(f"assistant:Let me look. {words(chance, 20)}")] if chance.random() < 0.5 else []
    return [
        *made,
        seg(f'call/{chance.choice(TOOLS)}:{{"path": "/data/{chance.randrange(4)}.csv"}}'),
    ]


def _results(chance: random.Random, answer: list[Segment]) -> list[Segment]:
    out = []
    for asked in answer:
        if asked.kind == SegmentKind.TOOL_CALL:
            # A tool that only reads gives the same again; the others may not.
            same = random.Random(asked.name + asked.text) if asked.name != "run_tests" else chance
            out.append(seg(f"result/{asked.name}:{words(same, same.choice((30, 300, 2_000)))}"))
    return out


def _marked(said: list[Segment]) -> list[Segment]:
    return [replace(s, breakpoint=Breakpoint.TTL_5M) if i in (1, len(said) - 1) else s
            for i, s in enumerate(said)]  # fmt: skip


def agents(seed: int, sessions: int = 12, steps: int = 8) -> list[Call]:
    """Runs of several agents on several models; a third of the questions were asked before."""
    chance = random.Random(seed)
    return [c for n in range(sessions) for c in session(chance, n, 1 + chance.randrange(steps))]


def troubled(seed: int) -> list[Call]:
    """Failures, gateway hits, no usage, unknown models, batch, calls without blocks or session."""
    out = agents(seed)
    for i, c in enumerate(out):
        match i % 9:
            case 1:
                c.status, c.response, c.error = CallStatus.FAILED, None, "rate limit"
            case 3:
                c.status = CallStatus.GATEWAY_HIT
            case 4:
                c.usage = missing_usage()
            case 5:
                c.model = "unknown-model"
            case 6:
                c.request, c.response = None, None
            case 7:
                c.service_tier, c.session_id = "batch", ""
    return out


def without_tools(seed: int) -> list[Call]:
    """Agents that ask in plain text and get their results as user messages."""
    out = agents(seed)
    for c in out:
        c.request = [_in_words(s) for s in c.request or ()]
        c.response = [_in_words(s) for s in c.response or ()]
    return out


def _in_words(s: Segment) -> Segment:
    other = {
        SegmentKind.TOOL_CALL: SegmentKind.ASSISTANT,
        SegmentKind.TOOL_RESULT: SegmentKind.USER,
    }
    return replace(s, kind=other.get(s.kind, s.kind), name="")


def hashes_only(seed: int) -> list[Call]:
    """The same runs as a share without text keeps them: kinds, hashes and token counts."""
    out = agents(seed)
    for c in out:
        c.request = [_hashed(s) for s in c.request or ()]
        c.response = [_hashed(s) for s in c.response or ()]
    return out


def blocks(seed: int) -> list[Call]:
    """Requests as block hashes alone."""
    out = hashes_only(seed)
    for c in out:
        c.request = [replace(s, kind=SegmentKind.BLOCK, name="") for s in c.request or ()]
        c.response = None
    return out


def _hashed(s: Segment) -> Segment:
    digest = hashlib.blake2b(f"{s.kind}{s.name}{s.text}".encode(), digest_size=16).digest()
    return replace(s, text="", digest=digest, tokens=len(s.text))


def timeless(seed: int) -> list[Call]:
    """No times: the order is the file's."""
    out = agents(seed)
    for line, c in enumerate(out):
        c.at_us, c.latency_ms, c.ttft_ms, c.source_line = None, None, None, line + 1
    return out


KINDS: dict[str, Callable[[int], list[Call]]] = {
    "agents": agents, "troubled": troubled, "hashes_only": hashes_only, "blocks": blocks,
    "without_tools": without_tools,
    "timeless": timeless, "empty": lambda seed: [],
}  # fmt: skip


@cache
def world(kind: str, seed: int = 1) -> World:
    """One of `KINDS`."""
    calls = KINDS[kind](seed)
    trace = trace_of(calls)
    return World(f"{kind}-{seed}", trace, texts_of(trace, calls))


@cache
def worlds() -> tuple[World, ...]:
    """All kinds, the plain one first."""
    return tuple(world(kind) for kind in KINDS)
