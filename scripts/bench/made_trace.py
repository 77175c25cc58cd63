"""A generated trace straight as columns: agents, growing sessions, tool results, nightly batches.

No text is made, only segment ids with their token counts: what is measured begins behind the reader.
The same seed gives the same trace. Nothing in it is taken from a real log.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import SegmentKind
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.trace import DIMS, Categorical, Ragged, SegmentTable, Trace

Int = NDArray[np.int64]
START_US = 1_790_000_000_000_000  # 2026-09-21
DAY_US = 86_400_000_000
DAYS = 14
STEP, MINIMUM, ALIVE_US = 128, 1024, 300_000_000


@dataclass(frozen=True)
class Agent:
    """A kind of session. `share`: of all calls; `steps`: mean calls a session, geometric."""

    name: str
    provider: str
    model: str
    share: float
    steps: float
    tools_tokens: int
    system_tokens: int
    result_tokens: int
    answer_tokens: int
    prompts: int = 0
    """Distinct user prompts, drawn by Zipf's law; 0: each session has its own."""
    nightly: bool = False
    clock: bool = False
    """Its system prompt carries the time: another one each session."""


AGENTS = (
    Agent("coder", "openai", "gpt-5.1", 0.30, 22.0, 2600, 1900, 700, 140),
    Agent("support", "openai", "gpt-4o", 0.22, 9.0, 900, 1500, 260, 90),
    Agent("researcher", "anthropic", "claude-sonnet-4-5", 0.14, 14.0, 1400, 2200, 1800, 180),
    Agent("planner", "openai", "gpt-4.1", 0.08, 6.0, 600, 1300, 300, 200, clock=True),
    Agent("extractor", "openai", "gpt-4o-mini", 0.14, 1.0, 0, 1200, 0, 60, prompts=4000),
    Agent("tagger", "gemini", "gemini-2.5-flash", 0.06, 1.0, 0, 300, 0, 8, prompts=1500),
    Agent("nightly-report", "openai", "gpt-4o", 0.06, 3.0, 0, 1100, 500, 300, nightly=True),
)
TENANTS = 12


@dataclass
class _Columns:
    """Calls of one agent, sessions one after the other. Arrays are [call] unless said otherwise."""

    agent: int
    session: Int
    step: Int
    at_us: Int
    latency_ms: NDArray[np.float64]
    offsets: Int  # [call + 1]
    ids: Int  # [use], from 0 within the agent
    answer: Int
    seg_kind: NDArray[np.int8]  # [segment]
    seg_tokens: Int  # [segment]
    sessions: int


def made_trace(calls: int, seed: int = 1, agents: tuple[Agent, ...] = AGENTS) -> Trace:
    """About so many calls of all agents, in time order."""
    rng = np.random.default_rng(seed)
    parts = [_agent_calls(a, i, max(1, round(calls * a.share)), rng) for i, a in enumerate(agents)]
    return _trace(parts, agents, rng)


def _agent_calls(agent: Agent, number: int, calls: int, rng: np.random.Generator) -> _Columns:
    """Sessions of one agent until its share of calls is there."""
    count = max(1, round(calls / agent.steps))
    steps = rng.geometric(1.0 / agent.steps, count) if agent.steps > 1 else np.ones(count, int)
    steps = np.minimum(steps, 90).astype(np.int64)
    session = np.repeat(np.arange(count), steps)
    step = np.arange(len(session)) - np.repeat(np.cumsum(steps) - steps, steps)
    kind, tokens, user, system, own = _segments(agent, steps, rng)
    at_us, latency = _times(agent, session, step, steps, rng)
    ids, offsets = _requests(agent, session, step, user, system, own)
    return _Columns(
        number, session, step, at_us, latency, offsets, ids, own[session] + 2 * step, kind, tokens,
        count,
    )  # fmt: skip


def _segments(
    agent: Agent, steps: Int, rng: np.random.Generator
) -> tuple[NDArray[np.int8], Int, Int, Int, Int]:
    """(kind, tokens) of every segment; [session]: its user prompt, system prompt and first own one.

    Segment 0 is the tools; then system prompts, user prompts, and (answer, result) of each step.
    """
    count = len(steps)
    systems = count if agent.clock else 1
    prompts = agent.prompts or count
    own_sizes = 2 * steps
    first_own = 1 + systems + prompts + np.cumsum(own_sizes) - own_sizes
    total = int(1 + systems + prompts + own_sizes.sum())
    kind = np.full(total, SegmentKind.TOOL_CALL, np.int8)
    tokens = np.empty(total, np.int64)
    kind[0], tokens[0] = SegmentKind.TOOLS, max(1, agent.tools_tokens)
    kind[1 : 1 + systems], tokens[1 : 1 + systems] = SegmentKind.SYSTEM, agent.system_tokens
    asked = slice(1 + systems, 1 + systems + prompts)
    kind[asked], tokens[asked] = SegmentKind.USER, _sizes(rng, 120, prompts)
    begin = 1 + systems + prompts
    rows = total - begin
    tokens[begin::2] = _sizes(rng, agent.answer_tokens, (rows + 1) // 2)
    tokens[begin + 1 :: 2] = _sizes(rng, max(8, agent.result_tokens), rows // 2)
    results = np.where(rng.random(rows // 2) < 0.2, SegmentKind.USER, SegmentKind.TOOL_RESULT)
    kind[begin + 1 :: 2] = results
    kind[begin : begin + rows - 1 : 2][results == SegmentKind.USER] = SegmentKind.ASSISTANT
    user = np.arange(count) if not agent.prompts else rng.zipf(1.3, count) % agent.prompts
    system = 1 + np.arange(count) if agent.clock else np.ones(count, np.int64)
    return kind, tokens, 1 + systems + user, system, first_own


def _sizes(rng: np.random.Generator, median: int, count: int) -> Int:
    """Token counts with a long tail."""
    return np.clip(rng.lognormal(np.log(median), 0.9, count), 4, 60_000).astype(np.int64)


def _times(
    agent: Agent, session: Int, step: Int, steps: Int, rng: np.random.Generator
) -> tuple[Int, NDArray[np.float64]]:
    """When each call was sent, and how long its answer took."""
    count = len(steps)
    day = rng.integers(0, DAYS, count)
    if agent.nightly:
        begin = day * DAY_US + 2 * 3_600_000_000 + rng.integers(0, 600_000_000, count)
    else:
        begin = day * DAY_US + (rng.beta(3, 3, count) * DAY_US).astype(np.int64)
    latency = rng.lognormal(np.log(1800.0), 0.5, len(session))
    pause = np.where(rng.random(len(session)) < 0.15, rng.exponential(90.0, len(session)), 1.5)
    gap = (latency * 1000 + pause * 1e6).astype(np.int64)
    until = np.cumsum(gap) - gap
    first = np.cumsum(steps) - steps
    return START_US + begin[session] + until - until[first][session], latency


def _requests(
    agent: Agent, session: Int, step: Int, user: Int, system: Int, own: Int
) -> tuple[Int, Int]:
    """Ids of each request: tools, system, user, then answer and result of every step before."""
    head = 3 if agent.tools_tokens else 2
    lengths = head + 2 * step
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    place = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], lengths)
    of = np.repeat(session, lengths)
    ids = own[of] + place - head
    ids[place == head - 1] = user[session]
    ids[place == head - 2] = system[session]
    if head == 3:
        ids[place == 0] = 0
    return ids, offsets


def _trace(parts: list[_Columns], agents: tuple[Agent, ...], rng: np.random.Generator) -> Trace:
    at = np.concatenate([p.at_us for p in parts])
    order = np.argsort(at, kind="stable")
    seg_first = np.cumsum([0, *(len(p.seg_kind) for p in parts)])
    session_first = np.cumsum([0, *(p.sessions for p in parts)])
    agent = np.concatenate([np.full(len(p.at_us), p.agent) for p in parts])[order]
    session = np.concatenate([p.session + f for p, f in zip(parts, session_first, strict=False)])
    request = _in_order(
        np.concatenate([np.diff(p.offsets) for p in parts]),
        np.concatenate([p.ids + f for p, f in zip(parts, seg_first, strict=False)]), order,
    )  # fmt: skip
    answer = np.concatenate([p.answer + f for p, f in zip(parts, seg_first, strict=False)])[order]
    segments = _table(parts, rng)
    step = np.concatenate([p.step for p in parts])[order]
    session, n = session[order], len(order)
    leaves = _usage(agents, agent, session, step, at[order], request, segments, answer, rng)
    ones, text = np.ones(n, np.int32), np.zeros(n, np.float32)
    response = Ragged(np.arange(n + 1), answer.astype(np.int32), np.zeros(n, np.uint8))
    return Trace(
        key=rng.integers(0, 2**63, (n, 2)).astype(np.uint64),
        id=tuple(map(str, range(n))), session=session.astype(np.int32),
        sessions=tuple(map(str, range(int(session_first[-1])))), session_known=np.ones(n, np.bool_),
        parent_id=("",) * n, at_us=at[order],
        latency_ms=np.concatenate([p.latency_ms for p in parts])[order],
        ttft_ms=np.full(n, np.nan), leaves=leaves, usage_state=np.zeros(n, np.int8),
        status=np.zeros(n, np.int8), web_searches=np.zeros(n, np.int32), requests=ones,
        recorded_pusd=np.zeros(n, np.int64), has_recorded=np.zeros(n, np.bool_),
        byok=np.zeros(n, np.bool_), max_tokens=ones * -1, temperature=text,
        stream=np.zeros(n, np.bool_), step=(step + 1).astype(np.int32),
        source_line=np.arange(n, dtype=np.int32), dims=_dims(agents, agent, session, n), request=request,
        response=response, has_content=np.ones(n, np.bool_), segments=segments, error=("",) * n,
        dataset="generated",
    )  # fmt: skip


def _in_order(lengths: Int, ids: Int, order: Int) -> Ragged:
    block = Ragged(
        np.concatenate(([0], np.cumsum(lengths))), ids.astype(np.int32), np.zeros(0, np.uint8)
    )
    offsets = np.concatenate(([0], np.cumsum(lengths[order])))
    sorted_ids = block.ids[block.uses_of(order)]
    return Ragged(offsets, sorted_ids, np.zeros(len(sorted_ids), np.uint8))


def _table(parts: list[_Columns], rng: np.random.Generator) -> SegmentTable:
    kind = np.concatenate([p.seg_kind for p in parts])
    tokens = np.concatenate([p.seg_tokens for p in parts])
    tools = np.isin(kind, (SegmentKind.TOOL_CALL, SegmentKind.TOOL_RESULT))
    # An answer and the result behind it name one tool.
    name = np.where(tools, 1 + (np.arange(len(kind)) // 2) % 5, 0).astype(np.int32)
    return SegmentTable(
        rng.integers(0, 2**63, (len(kind), 2)).astype(np.uint64), kind,
        Categorical(name, ("", "search", "read_file", "run", "lookup", "write_file")), tokens * 4,
        tokens, np.zeros(len(kind), np.bool_),
    )  # fmt: skip


def _usage(
    agents: tuple[Agent, ...], agent: Int, session: Int, step: Int, at: Int, request: Ragged,
    segments: SegmentTable, answer: Int, rng: np.random.Generator,
) -> Int:  # fmt: skip
    """[call, leaf]: input as counted, most of the last request read while it is alive."""
    n = len(agent)
    running = np.concatenate(([0], np.cumsum(segments.tokens[request.ids])))
    total = running[request.offsets[1:]] - running[request.offsets[:-1]]
    order = np.lexsort((step, session))
    before, since = np.zeros(n, np.int64), np.full(n, ALIVE_US + 1)
    later = step[order][1:] > 0
    before[order[1:][later]] = total[order[:-1][later]]
    since[order[1:][later]] = (at[order[1:]] - at[order[:-1]])[later]
    fixed = np.array([a.tools_tokens + a.system_tokens * (not a.clock) for a in agents])[agent]
    chance = rng.random(n)
    warm = (since <= ALIVE_US) & (chance < 0.85)
    held = np.where(warm, before, np.where(chance > 0.5, fixed, 0))
    read = np.where(held >= MINIMUM, held // STEP * STEP, 0)
    read = np.minimum(read, total)
    leaves = np.zeros((n, N_LEAVES), np.int64)
    marked = np.array([a.provider == "anthropic" for a in agents])[agent]
    leaves[:, Leaf.CACHE_READ] = read
    leaves[:, Leaf.CACHE_WRITE_5M] = np.where(
        marked & (total >= MINIMUM), np.maximum(total - read - 6, 0), 0
    )
    leaves[:, Leaf.INPUT_FRESH] = total - read - leaves[:, Leaf.CACHE_WRITE_5M]
    leaves[:, Leaf.OUTPUT_TEXT] = segments.tokens[answer]
    return leaves


def _dims(agents: tuple[Agent, ...], agent: Int, session: Int, n: int) -> dict[str, Categorical]:
    blank = Categorical(np.zeros(n, np.int32), ("",))
    dims = dict.fromkeys(DIMS, blank)
    for name in ("name", "provider", "model"):
        texts = [str(getattr(a, name)) for a in agents]
        values = ("", *dict.fromkeys(texts))
        codes = np.array([values.index(t) for t in texts], np.int32)[agent]
        dims["agent" if name == "name" else name] = Categorical(codes, values)
    dims["request_model"] = dims["model"]
    tenants = ("", *(f"tenant{t:02}" for t in range(TENANTS)))
    dims["tenant"] = Categorical((1 + session % TENANTS).astype(np.int32), tenants)
    return dims


class KnownTokens:
    """A `TokenCounter` over segments whose counts the log gives: nothing is read or encoded."""

    def __init__(self, segments: SegmentTable) -> None:
        self._segments = segments

    def count(self, segments: NDArray[np.int32], model: str) -> Int:
        return self._segments.tokens[segments]

    def label(self, model: str) -> str:
        return "exact"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Of two system prompts with a clock: three quarters. Others part at their first word."""
        kind, tokens = self._segments.kind, self._segments.tokens
        if kind[first] != SegmentKind.SYSTEM or kind[second] != SegmentKind.SYSTEM:
            return 0
        return int(min(tokens[first], tokens[second])) * 3 // 4
