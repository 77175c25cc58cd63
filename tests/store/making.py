"""Calls of every sort for the store's tests, and the comparison of two traces."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from costopt.model.call import (
    Breakpoint,
    Call,
    CallStatus,
    Record,
    Segment,
    SegmentKind,
    Usage,
    UsageState,
)
from costopt.model.leaf import N_LEAVES
from costopt.model.trace import Trace

TEXTS = (
    "Be brief.",
    "Wie geht's?",
    "naïve café 日本",
    "",
    "a\x00b",
    "x" * 300,
    "half \ud83d",
    "🙂",
)
SETTINGS = ("", '{"top_p":0.5}', '{"seed":7,"stop":["a","\\ud83d"]}')
STORE_ONLY = ("files", "dataset", "sample_rate")


@dataclass
class ListStream:
    """Records as a stream."""

    records: Sequence[Record]
    name: str = "log.jsonl"
    format: str = "made"

    def read(self) -> Iterator[Record]:
        yield from self.records


def segment(chance: random.Random) -> Segment:
    kind = chance.choice(list(SegmentKind))
    text = chance.choice(TEXTS)
    name = chance.choice(("", "look", "buy")) if "TOOL" in kind.name else ""
    mark = chance.choice(list(Breakpoint)) if chance.random() < 0.2 else Breakpoint.NONE
    if kind == SegmentKind.BLOCK:
        number = chance.randrange(5)
        return Segment(kind, "", tokens=100 + number, digest=bytes([number + 1] * 16))
    return Segment(kind, text, name, breakpoint=mark)


def blocks(chance: random.Random) -> list[Segment] | None:
    if chance.random() < 0.2:
        return None
    return [segment(chance) for _ in range(chance.randrange(5))]


def usage(chance: random.Random) -> Usage:
    if chance.random() < 0.1:
        return Usage(state=UsageState.MISSING)
    made = Usage([chance.randrange(1000) for _ in range(N_LEAVES)], chance.randrange(3))
    if chance.random() < 0.1:
        made.extra = [("gpt-x", [chance.randrange(9) for _ in range(N_LEAVES)])]
    return made


def random_call(chance: random.Random, number: int) -> Call:
    """Any call; about a third of all share a key, a session or a span tree with others."""
    pick, span = chance.choice, chance.random() < 0.2
    id = f"c{number}" if span else pick(("", f"c{chance.randrange(60)}"))
    return Call(
        key=pick(("", f"k{number}", f"k{chance.randrange(30)}")),
        usage=usage(chance), source_line=number + 1, id=id,
        version_us=pick((None, 5, chance.randrange(10))),
        session_id=pick(("", "s1", "s2", f"s{number % 7}")),
        parent_id=pick(("", f"c{chance.randrange(60)}")), span=span,
        at_us=pick((None, 1_700_000_000_000_000 + chance.randrange(50))),
        latency_ms=pick((None, 12.5)), ttft_ms=pick((None, 3.0)), provider=pick(("", "openai")),
        model=pick(("gpt-4o", "claude")), request_model=pick(("", "gpt-4o")),
        agent=pick(("", "planner", "=cmd()")), task=pick(("", "t")), tenant=pick(("", "acme")),
        tags=pick(((), ("a", "b"))), service_tier=pick(("default", "batch")),
        status=CallStatus(chance.randrange(3)), error=pick(("", "429 slow down")),
        finish=pick(("", "stop")), recorded_usd=pick((None, "0", "0.0047", "1e-7")),
        byok=chance.random() < 0.1, max_tokens=pick((None, 512)), temperature=pick((None, 0.5)),
        stream=chance.random() < 0.5, prompt_cache_key=pick(("", "p")),
        metadata=pick(({}, {"plan": "pro"}, {"plan": "free", "a b": "ü"})),
        request=blocks(chance), response=blocks(chance), requests=pick((1, 1, 4)),
        settings=SETTINGS[number % len(SETTINGS)],
    )  # fmt: skip


def random_calls(seed: int, count: int = 200, *, spans_have_usage: bool = False) -> list[Call]:
    chance = random.Random(seed)
    made = [random_call(chance, number) for number in range(count)]
    if spans_have_usage:
        made = [c for c in made if not c.span or c.usage.state == UsageState.REPORTED]
        count = len(made)
    return made + [made[chance.randrange(count)] for _ in range(count // 10)]


def assert_same(want: Trace, got: Trace, ignore: Sequence[str] = STORE_ONLY) -> None:
    """Every column equal: values, types and order."""
    for item in fields(Trace):
        if item.name not in ignore:
            _same(getattr(want, item.name), getattr(got, item.name), item.name)


def _same(want: Any, got: Any, where: str) -> None:
    if isinstance(want, np.ndarray):
        assert want.dtype == got.dtype, where
        assert np.array_equal(want, got, equal_nan=want.dtype.kind == "f"), where
    elif isinstance(want, Mapping):
        assert set(want) == set(got), where
        for name in want:
            _same(want[name], got[name], f"{where}.{name}")
    elif is_dataclass(want):
        for item in fields(want):
            _same(getattr(want, item.name), getattr(got, item.name), f"{where}.{item.name}")
    else:
        assert want == got, where
