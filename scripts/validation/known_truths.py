"""Generated logs whose true savings are known, to count how often an interval holds them.

Sessions grow call by call behind a shared system prompt; the provider's cache reads the common beginning
of a session's requests in steps of 128, with luck as the world says. A policy's truth is the same world
without a log: both arms billed with fresh luck over very many sessions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.evaluate import Evaluator, Layers
from costopt.layers.base import Artifacts, Partition
from costopt.layers.exact_cache import ExactCache
from costopt.layers.parts.requests import kept
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind, Usage
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.leaf import INPUT, N_LEAVES, OUTPUT, Leaf
from costopt.model.trace import SegmentTable
from costopt.model.view import Column, View
from costopt.prices.contract import CacheRules, ContextTier, DatedRates, PriceBook, RatePeriod

FRESH, READ, OUT = 1_000_000, 100_000, 4_000_000
"""Pico-dollars a token: $1 fresh, $0.10 read, $4 out a million."""
STEP, MINIMUM, SYSTEM_TOKENS = 128, 1024, 1500
START_US, DAY_US, HOUR_US = 1_790_000_000_000_000, 86_400_000_000, 3_600_000_000
Generator = np.random.Generator
Int = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """How sessions are made. Sizes are lognormal about their medians, in tokens."""

    name: str
    result_tokens: float = 400.0
    out_tokens: float = 150.0
    spread: float = 0.8
    """Sigma of a session's size; its calls vary by half as much."""
    hit: float = 0.85
    """Chance that a call reads what it could."""
    moody: float = 0.0
    """Chance that a whole session reads nothing."""
    talkative: float = 1.0
    """Share of sessions whose answers a policy can shorten."""
    days: int = 1
    day_spread: float = 0.0
    """Sigma of a factor that all sessions of a day share on their answers."""
    doubt: float = 0.0
    """Half the range in which the policy's ratio lies; its truth is drawn anew for every log."""
    steps: float = 3.0
    """Calls of a session beside its first one, on average."""
    questions: int = 0
    """Sessions begin with one of so many, the nth asked with weight 1/n; 0: each with its own."""


@dataclass(frozen=True)
class Session:
    """Token counts of one agent run."""

    results: NDArray[np.int64]  # [call]: what stands before the call beyond the system prompt
    outs: NDArray[np.int64]  # [call]
    talkative: bool
    day: int
    question: int = -1


def sessions_of(world: World, n: int, chance: Generator) -> list[Session]:
    """Independent but for what those of a day share."""
    day = np.sort(chance.integers(0, world.days, n))
    busy = (
        chance.lognormal(0, world.day_spread, world.days)
        if world.day_spread
        else np.ones(world.days)
    )
    return [_session(world, int(d), float(busy[d]), chance) for d in day]


def _session(world: World, day: int, busy: float, chance: Generator) -> Session:
    calls = 1 + int(chance.poisson(world.steps))
    size = chance.lognormal(0, world.spread)
    results = world.result_tokens * size * chance.lognormal(0, world.spread / 2, calls)
    outs = world.out_tokens * size * busy * chance.lognormal(0, world.spread / 2, calls)
    whole = np.maximum(1, results).astype(np.int64), np.maximum(1, outs).astype(np.int64)
    session = Session(*whole, bool(chance.random() < world.talkative), day)
    return replace(session, **_question(world, whole[0], chance)) if world.questions else session


def _question(world: World, results: NDArray[np.int64], chance: Generator) -> dict[str, Any]:
    """One of the world's; equal ones are equally long."""
    weight = 1.0 / np.arange(1, world.questions + 1)
    drawn = int(chance.choice(world.questions, p=weight / weight.sum()))
    first = int(world.result_tokens * (0.5 + drawn % 7 / 3))
    return {"question": drawn, "results": np.concatenate(([first], results[1:]))}


def reads(world: World, prefixes: Sequence[int], chance: Generator) -> list[int]:
    """Cached tokens of a session's calls, from what each could read of the call before it."""
    if world.moody and chance.random() < world.moody:
        return [0] * len(prefixes)
    lucky = chance.random(len(prefixes)) < world.hit
    return [
        p // STEP * STEP if ok and p >= MINIMUM else 0
        for p, ok in zip(prefixes, lucky, strict=True)
    ]


def calls_of(world: World, sessions: Sequence[Session], chance: Generator) -> list[Call]:
    """As a log: block hashes and lengths, times, usage."""
    system = Segment(SegmentKind.SYSTEM, "", digest=_digest(0), tokens=SYSTEM_TOKENS)
    out: list[Call] = []
    for number, run in enumerate(sessions):
        blocks, prefixes = [system], [0]
        begin = START_US + run.day * DAY_US + number * HOUR_US // max(1, len(sessions) // 20)
        prefixes += (SYSTEM_TOKENS + np.cumsum(run.results)[:-1]).tolist()
        for step, read in enumerate(reads(world, prefixes, chance)):
            place = 1 + len(out)
            blocks.append(
                Segment(
                    SegmentKind.TOOL_RESULT,
                    "",
                    digest=_digest(place if step or run.question < 0 else -1 - run.question),
                    tokens=int(run.results[step]),
                )
            )
            used = Usage()
            total = SYSTEM_TOKENS + int(run.results[: step + 1].sum())
            used.leaves[Leaf.INPUT_FRESH], used.leaves[Leaf.CACHE_READ] = total - read, read
            used.leaves[Leaf.OUTPUT_TEXT] = int(run.outs[step])
            out.append(Call(
                key=str(place), id=str(place), usage=used, session_id=f"s{number}", provider="p",
                model="talkative" if run.talkative else "terse", agent="a", request=list(blocks),
                response=[], at_us=begin + step * 20_000_000,
            ))  # fmt: skip
    return out


def _digest(number: int) -> bytes:
    return number.to_bytes(16, "big", signed=True)


@dataclass(frozen=True)
class Shorter:
    """Answers of `talkative` calls times a ratio: the truth does not touch the cache."""

    ratio: float = 0.5
    doubt: float = 0.0

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.LEAVES})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"ratio": 1.0}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        if "talkative" not in view.model.values:
            return Effect()
        rows = view.model.codes == view.model.values.index("talkative")
        leaves = view.leaves.copy()
        leaves[rows, OUTPUT] = np.rint(leaves[rows, OUTPUT] * self.ratio).astype(np.int64)
        return Effect({Column.LEAVES: leaves}, rows)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        return LayerReport({}, Risk("none", 0.0, None, "made up"), True, "assumed")

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        return {"ratio": (self.ratio - self.doubt, self.ratio + self.doubt)} if self.doubt else {}


@dataclass(frozen=True)
class Forget:
    """Only the system prompt and the last `keep` results are sent: the cache's beginning breaks."""

    keep: int = 2

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        lengths = view.request.lengths
        place = np.arange(len(view.request.ids)) - np.repeat(view.request.offsets[:-1], lengths)
        behind = np.repeat(lengths, lengths) - place
        request = kept(view, (place == 0) | (behind <= self.keep))
        return Effect() if request is view.request else Effect({Column.REQUEST: request})

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        return LayerReport({}, Risk("none", 0.0, None, "made up"), True, "rule")

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        return {}


def true_share(
    world: World, logs: Sequence[Sequence[Session]], ratio: float, keep: int | None
) -> float:
    """Saved share over these logs, both arms billed at the mean of the world's luck: drawing it would
    only add noise. Each log begins with an empty cache of answers."""
    before = after = 0.0
    for sessions in logs:
        known: set[int] = set()
        for run in sessions:
            whole = SYSTEM_TOKENS + np.cumsum(run.results)
            before += _bill(world, whole, np.append(0, whole[:-1]), run.outs)
            less = np.rint(run.outs * ratio).astype(np.int64) if run.talkative else run.outs
            known_now = run.question in known
            if run.question >= 0:
                known.add(run.question)
            whole, shared = _sent(run.results, keep)
            if known_now:
                # The first call is not sent, so the second one finds nothing to read.
                whole, shared, less = (
                    whole[1:],
                    np.append(0, shared[2:])[: len(whole) - 1],
                    less[1:],
                )
            after += _bill(world, whole, shared, less)
    return (before - after) / before


def _sent(results: Int, keep: int | None) -> tuple[Int, Int]:
    """([call] input, [call] what it shares with the call before it) where `keep` results are sent."""
    whole = SYSTEM_TOKENS + np.cumsum(results)
    if keep is None:
        return whole, np.append(0, whole[:-1])
    whole[keep:] -= np.cumsum(results)[:-keep]
    # Behind the system prompt a call shares nothing with the one before once results drop out.
    shared = np.append(0, whole[:-1])
    shared[keep:] = SYSTEM_TOKENS
    return whole, shared


def _bill(world: World, whole: Int, shared: Int, outs: Int) -> float:
    steps = np.where(shared >= MINIMUM, shared // STEP * STEP, 0)
    read = (1 - world.moody) * world.hit * float(steps.sum())
    return (float(whole.sum()) - read) * FRESH + read * READ + float(outs.sum()) * OUT


class Book:
    """One price for all, and OpenAI-like cache rules: by prefix, in steps of 128 from 1,024 on."""

    as_of, version = dt.date(2026, 11, 1), "made up"

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates:
        row = [0] * N_LEAVES
        row[INPUT] = [FRESH] * (INPUT.stop - INPUT.start)
        row[OUTPUT] = [OUT] * (OUTPUT.stop - OUTPUT.start)
        row[Leaf.CACHE_READ] = READ
        tiers = (ContextTier(0, False, tuple(row)),)
        return DatedRates(provider, model, (RatePeriod(-(2**63), tiers, 0, "made up"),))

    def canonical(self, provider: str, model: str) -> tuple[str, str]:
        return provider, model

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return CacheRules(
            provider, model, "automatic", -(2**63), MINIMUM, STEP, 300, True, 100_000, 1_000_000,
            False, "made up",
        )  # fmt: skip


@dataclass(frozen=True)
class BlockTokens:
    """Counts as the log gives them."""

    segments: SegmentTable

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        return self.segments.tokens[segments]

    def label(self, model: str) -> str:
        return "exact"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        return 0


def evaluator_of(calls: list[Call]) -> Evaluator:
    trace, book = trace_of(calls), Book()
    return Evaluator(trace, book, CacheModel.of(trace, book, BlockTokens(trace.segments), None))


def policy_of(world: World, ratio: float, keep: int | None) -> Layers:
    """The layers whose truth `true_share` knows."""
    layers: Layers = (Shorter(ratio, world.doubt),)
    if world.questions:
        layers = (ExactCache(ttl="none"), *layers)
    return layers if keep is None else (*layers, Forget(keep))
