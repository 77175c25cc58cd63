"""The row form of a call: what a source yields, one object a request.

Sources normalise into this; the store turns it into columns (`model/trace.py`). Nothing above the
store sees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from costopt.model.leaf import INPUT, N_LEAVES, OUTPUT, Leaf


class UsageState(IntEnum):
    """Where the token counts come from. Missing is never zero dollars."""

    REPORTED = 0
    ESTIMATED = 1
    MISSING = 2


class CallStatus(IntEnum):
    """What became of the request. `UNPRICED` is decided by billing, never by a source."""

    OK = 0
    FAILED = 1
    GATEWAY_HIT = 2
    UNPRICED = 3


class SegmentKind(IntEnum):
    """One block of a request or of its answer."""

    TOOLS = 0
    SYSTEM = 1
    USER = 2
    ASSISTANT = 3
    TOOL_CALL = 4
    TOOL_RESULT = 5
    IMAGE = 6
    REASONING = 7
    BLOCK = 8
    """A block of a content-free trace: a hash and a token count, no text."""
    FILE = 9
    """Audio, PDF or another attachment."""


class Breakpoint(IntEnum):
    """A cache mark on a segment, as the request carried it (Anthropic `cache_control`)."""

    NONE = 0
    TTL_5M = 1
    TTL_1H = 2


@dataclass(slots=True)
class Segment:
    """One block as it was sent. Text is kept verbatim; JSON blocks are canonical JSON."""

    kind: SegmentKind
    text: str
    name: str = ""
    """Tool name for TOOL_CALL and TOOL_RESULT, else empty. Part of the content hash."""
    call_id: str = ""
    """Tool call id that ties a result to its call. Not part of the hash: ids differ by run."""
    breakpoint: Breakpoint = Breakpoint.NONE
    tokens: int = -1
    """Known token count (content-free traces); -1: to be counted."""
    digest: bytes = b""
    """16 bytes where the log gives a hash instead of text, else empty: the store hashes the text."""


@dataclass(slots=True)
class Usage:
    """Token counts in disjoint leaves; `make` refuses counts that contradict each other."""

    leaves: list[int] = field(default_factory=lambda: [0] * N_LEAVES)
    web_searches: int = 0
    """Hosted searches charged per use."""
    state: UsageState = UsageState.REPORTED
    extra: list[tuple[str, list[int]]] = field(default_factory=list)
    """Further (model, leaves) billed inside this call at another model's price (Anthropic
    `usage.iterations` of advisor or fallback models)."""

    @property
    def input_tokens(self) -> int:
        return sum(self.leaves[INPUT])

    @property
    def output_tokens(self) -> int:
        return sum(self.leaves[OUTPUT])

    def __getitem__(self, leaf: Leaf) -> int:
        return self.leaves[leaf]


class UsageContradiction(ValueError):
    """Counts that cannot all be true (cached above input, a negative count): the record is refused."""


def missing_usage() -> Usage:
    """A success without counts: to be estimated from text, else shown as missing. Never $0."""
    return Usage(state=UsageState.MISSING)


@dataclass(slots=True)
class Call:
    """One request to a model and its response, as a log tells it. Empty string: not in the log."""

    key: str
    """What makes two records the same call: the provider's response id, else the format's own id,
    else empty (the store then hashes the content)."""
    usage: Usage
    source_line: int = 0
    """1-based line of the record in its file (element index + 1 for a JSON array)."""
    id: str = ""
    """Id to show and to join by: the log's own."""
    version_us: int | None = None
    """Of several records of one key the latest wins: the record's own time, else None (its line)."""
    session_id: str = ""
    parent_id: str = ""
    span: bool = False
    """True: `id` and `parent_id` are spans of a tree. A call span above another call span that has
    usage is a wrapper (a framework around an SDK), no call of its own."""
    at_us: int | None = None
    """Start of the request, UTC microseconds; None: the log has no time."""
    latency_ms: float | None = None
    ttft_ms: float | None = None
    provider: str = ""
    """As the log says or the body shows; folded to the price book's id by `prices`."""
    model: str = ""
    """The model that served the call where known, else the one asked for."""
    request_model: str = ""
    agent: str = ""
    task: str = ""
    tenant: str = ""
    workflow: str = ""
    user_segment: str = ""
    user: str = ""
    project: str = ""
    workspace: str = ""
    api_key_hash: str = ""
    tags: tuple[str, ...] = ()
    region: str = ""
    """Region or residency marker that changes the price (`us`, `eu`, `global`, inference_geo)."""
    service_tier: str = "default"
    """default | batch | flex | priority: the tier that served the call."""
    speed: str = ""
    status: CallStatus = CallStatus.OK
    error: str = ""
    finish: str = ""
    recorded_usd: str | None = None
    """The cost the log records, as decimal text; None: none recorded (a 0 that means unknown too)."""
    byok: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    stream: bool = False
    prompt_cache_key: str = ""
    settings: str = ""
    """Further parameters of the request as canonical JSON (`model.request_settings`)."""
    metadata: dict[str, str] = field(default_factory=dict)
    """Flat text metadata: `--where metadata.x=y` and the policy's `fields:` read it."""
    request: list[Segment] | None = None
    """Blocks in wire order (tools, system, messages); None: the log leaves the text out."""
    response: list[Segment] | None = None
    requests: int = 1
    """How many requests this record stands for (run totals without a row a call: more than one)."""
    note: str = ""
    """What a reader should know about this record (aggregate, lower bound, ...)."""


@dataclass(slots=True, frozen=True)
class Rejected:
    """A record that cannot be read, or whose counts contradict each other. Never dropped in silence."""

    line: int
    reason: str
    raw: str = ""
    """The record's first bytes, for `--rejected`."""


@dataclass(slots=True, frozen=True)
class Skipped:
    """A record that is no model call (a chain span, a tool run, a user turn): counted, not billed."""

    line: int
    kind: str = ""
    id: str = ""
    parent_id: str = ""
    """Where records form a tree: the link that leads from a call to the call that wraps it."""


@dataclass(slots=True, frozen=True)
class Repeat:
    """A later copy of a call that the source itself has already merged (partial stream lines)."""

    line: int


Record = Call | Rejected | Skipped | Repeat
