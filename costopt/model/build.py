"""Rows to columns in plain Python: the specification of what the store does in bulk.

`trace_of` is the twin of `store.load`: one test runs both over the same calls. Tests and small
in-memory work use it directly.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from costopt.model.call import Call, Segment, SegmentKind, UsageState
from costopt.model.identity import call_digest, contest, segment_digest
from costopt.model.leaf import N_LEAVES
from costopt.model.trace import NO_TIME, Categorical, Ragged, SegmentTable, Trace
from costopt.money import from_log

_TEXT_DIMS = (
    "provider", "model", "request_model", "agent", "task", "tenant", "workflow", "user_segment",
    "user", "project", "workspace", "api_key_hash", "region", "service_tier", "speed", "finish",
    "prompt_cache_key",
)  # fmt: skip


def trace_of(calls: Iterable[Call], *, source_file: str = "", format: str = "") -> Trace:
    """A trace of these calls: duplicates and wrappers dropped, rows in time order."""
    best: dict[bytes, Call] = {}
    for call in calls:
        key = call_digest(call)
        if key not in best or contest(call) > contest(best[key]):
            best[key] = call
    kept = without_wrappers([best[key] for key in sorted(best)], {})
    kept.sort(key=row_order)
    return _columns(kept, source_file, format)


def row_order(call: Call) -> tuple[int, str, int, int, bytes]:
    """Time first; then session, growing history and identity. Without times: the line."""
    if call.at_us is None:
        return NO_TIME, "", call.source_line, 0, call_digest(call)
    size = len(call.request or ())
    return call.at_us, call.session_id, size, call.usage.input_tokens, call_digest(call)


def without_wrappers(calls: list[Call], parents: dict[str, str]) -> list[Call]:
    """Drop span calls that wrap another call. `parents`: links of the spans that are no calls.

    Of a chain of call spans the deepest with usage stays; with none, the deepest. A span that one
    file shows as begun and another as ended is the ended one.
    """
    ended = {c.id for c in calls if c.span and c.id and c.usage.state == UsageState.REPORTED}
    calls = [c for c in calls if not (c.span and c.usage.state and c.id in ended)]
    spans = {c.id: c for c in calls if c.span and c.id}
    links = {**parents, **{c.id: c.parent_id for c in spans.values()}}
    dropped: set[str] = set()
    for call in spans.values():
        has_usage = call.usage.state == UsageState.REPORTED
        for above in _calls_above(call.id, links, spans):
            above_only = not has_usage and above.usage.state == UsageState.REPORTED
            dropped.add(call.id if above_only else above.id)
    return [c for c in calls if not (c.span and c.id in dropped)]


def _calls_above(span: str, links: dict[str, str], spans: dict[str, Call]) -> Iterator[Call]:
    seen = {span}
    at = links.get(span, "")
    while at and at not in seen:
        if at in spans:
            yield spans[at]
        seen.add(at)
        at = links.get(at, "")


def categorical(texts: Sequence[str]) -> Categorical:
    """Codes in order of first appearance; "" is always code 0."""
    index: dict[str, int] = {"": 0}
    codes = [index.setdefault(t, len(index)) for t in texts]
    return Categorical(np.array(codes, np.int32), tuple(index))


def _pair(digest: bytes) -> tuple[int, int]:
    high, low = struct.unpack(">QQ", digest)
    return high, low


class _Segments:
    """Each distinct segment once, in order of first use."""

    def __init__(self) -> None:
        self.index: dict[bytes, int] = {}
        self.rows: list[Segment] = []

    def add(self, segment: Segment) -> int:
        digest = segment_digest(segment)
        found = self.index.get(digest)
        if found is None:
            found = self.index[digest] = len(self.rows)
            self.rows.append(segment)
        return found

    def ragged(self, blocks: Sequence[list[Segment] | None]) -> Ragged:
        lengths = [len(b or ()) for b in blocks]
        flat = [s for b in blocks for s in b or ()]
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        ids = np.array([self.add(s) for s in flat], np.int32)
        return Ragged(offsets, ids, np.array([s.breakpoint for s in flat], np.uint8))

    def table(self) -> SegmentTable:
        rows = self.rows
        pairs = [_pair(d) for d in self.index]
        sizes = [len(s.text.encode("utf-8", "surrogatepass")) for s in rows]
        return SegmentTable(
            np.array(pairs, np.uint64).reshape(-1, 2),
            np.array([s.kind for s in rows], np.int8),
            categorical([s.name for s in rows]),
            np.array(sizes, np.int64),
            np.array([s.tokens for s in rows], np.int64),
            np.array([not s.digest for s in rows], np.bool_),
        )


def tools_called(call: Call) -> str:
    """Names of the tools that the answer calls, in order, joined by commas."""
    calls = [s.name for s in call.response or () if s.kind == SegmentKind.TOOL_CALL]
    return ",".join(calls)


def _columns(calls: list[Call], source_file: str, format: str) -> Trace:
    segments = _Segments()
    request = segments.ragged([c.request for c in calls])
    response = segments.ragged([c.response for c in calls])
    keys = [call_digest(c) for c in calls]
    known = np.array([bool(c.session_id) for c in calls], np.bool_)
    names = [c.session_id or "call:" + k.hex() for c, k in zip(calls, keys, strict=True)]
    session_index: dict[str, int] = {}
    session = np.array([session_index.setdefault(s, len(session_index)) for s in names], np.int32)
    dims = {name: categorical([getattr(c, name) for c in calls]) for name in _TEXT_DIMS}
    dims["tool"] = categorical([tools_called(c) for c in calls])
    dims["tags"] = categorical([",".join(c.tags) for c in calls])
    dims["source_file"] = categorical([source_file] * len(calls))
    dims["format"] = categorical([format] * len(calls))
    recorded = [from_log(c.recorded_usd) if c.recorded_usd is not None else 0 for c in calls]
    extra = tuple(
        (row, model, tuple(leaves))
        for row, c in enumerate(calls)
        for model, leaves in c.usage.extra
    )
    nan = float("nan")
    return Trace(
        key=np.array([_pair(k) for k in keys], np.uint64).reshape(-1, 2),
        id=tuple(c.id for c in calls),
        session=session,
        sessions=tuple(session_index),
        session_known=known,
        parent_id=tuple(c.parent_id for c in calls),
        at_us=np.array([NO_TIME if c.at_us is None else c.at_us for c in calls], np.int64),
        latency_ms=np.array([nan if c.latency_ms is None else c.latency_ms for c in calls]),
        ttft_ms=np.array([nan if c.ttft_ms is None else c.ttft_ms for c in calls]),
        leaves=np.array([c.usage.leaves for c in calls], np.int64).reshape(-1, N_LEAVES),
        usage_state=np.array([c.usage.state for c in calls], np.int8),
        status=np.array([c.status for c in calls], np.int8),
        web_searches=np.array([c.usage.web_searches for c in calls], np.int32),
        requests=np.array([c.requests for c in calls], np.int32),
        recorded_pusd=np.array(recorded, np.int64),
        has_recorded=np.array([c.recorded_usd is not None for c in calls], np.bool_),
        byok=np.array([c.byok for c in calls], np.bool_),
        max_tokens=np.array(
            [-1 if c.max_tokens is None else c.max_tokens for c in calls], np.int32
        ),
        temperature=np.array(
            [nan if c.temperature is None else c.temperature for c in calls], np.float32
        ),
        stream=np.array([c.stream for c in calls], np.bool_),
        step=_steps(session),
        source_line=np.array([c.source_line for c in calls], np.int32),
        dims=dims,
        request=request,
        response=response,
        has_content=np.array([c.request is not None for c in calls], np.bool_),
        segments=segments.table(),
        extra=extra,
        metadata=_metadata(calls),
        error=tuple(c.error for c in calls),
        settings=categorical([c.settings for c in calls]),
    )


def _steps(
    session: np.ndarray[tuple[int], np.dtype[np.int32]],
) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    seen: dict[int, int] = {}
    steps = []
    for s in session.tolist():
        seen[s] = seen.get(s, 0) + 1
        steps.append(seen[s])
    return np.array(steps, np.int32)


def _metadata(calls: list[Call]) -> dict[str, Categorical]:
    names = sorted({name for c in calls for name in c.metadata})
    return {name: categorical([c.metadata.get(name, "") for c in calls]) for name in names}
