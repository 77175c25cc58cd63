"""What goes to a model and what comes back, in one shape for every provider: a replay's wire-neutral words.

A `Request` holds blocks, not a provider's body: the endpoint writes the body. Two requests are the same
when everything a provider would read is the same (`Request.key`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.request_settings import as_mapping


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a request or an answer, as `model.call.Segment` holds it."""

    kind: SegmentKind
    text: str
    name: str = ""
    call_id: str = ""
    """Ties a tool's result to its call. Written anew for a replay: logs give other ids each run."""
    breakpoint: Breakpoint = Breakpoint.NONE


@dataclass(frozen=True)
class Request:
    """One request that can be sent: tools, system and messages as blocks in wire order."""

    provider: str
    """As the log or the policy names it; the endpoint decides what language is spoken."""
    model: str
    blocks: tuple[Block, ...]
    max_tokens: int | None = None
    """Output cap of the request itself; None: it sets none."""
    temperature: float | None = None
    settings: str = ""
    """Further parameters as canonical JSON (tool_choice, response_format, top_p, stop, ...)."""
    service_tier: str = "default"
    prompt_cache_key: str = ""
    cap_tokens: int | None = None
    """Output cap that the replay adds so that the worst case is bounded; the lower of both is sent."""

    @cached_property
    def key(self) -> str:
        """32 hex digits: equal for requests that a provider cannot tell apart. `cap_tokens` is ours and
        not part of it, nor are the ids of tool calls."""
        blocks = [[b.kind, b.text, b.name, b.breakpoint] for b in self.blocks]
        what = [
            self.provider, self.model, blocks, self.max_tokens, self.temperature, self.settings,
            self.service_tier,
        ]  # fmt: skip
        raw = repr(what).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(raw, digest_size=16).hexdigest()

    @property
    def limit_tokens(self) -> int | None:
        """The output cap that is sent; None: the model's own."""
        caps = [c for c in (self.max_tokens, self.cap_tokens) if c is not None]
        return min(caps) if caps else None

    def to(self, model: str) -> Request:
        """The same for another model (the replay's model map)."""
        return replace(self, model=model)


class Origin(StrEnum):
    """Who counted the tokens of an answer. Only `endpoint` may ever stand as measured."""

    ENDPOINT = "endpoint"
    RECORDED = "recorded"
    """The log's own answer to the same bytes: proves plumbing, never an answer."""
    MOCK = "mock"
    """A server that invents its usage: told by its own mark, or by equal counts for unequal requests."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said and what it was charged for."""

    blocks: tuple[Block, ...]
    finish: str
    """The provider's word: stop, length, tool_calls, end_turn, max_tokens, tool_use, ..."""
    leaves: tuple[int, ...] | None
    """[leaf] tokens as the provider counted them, in `model.leaf.Leaf`'s order; None: it gave no usage."""
    cached_known: bool = True
    """False: the endpoint does not say what it read from its cache; 0 stands for unknown."""
    web_searches: int = 0
    extra: tuple[tuple[str, tuple[int, ...]], ...] = ()
    """Further (model, [leaf] tokens) charged inside this answer at another model's price (Anthropic's
    advisor and fallback models)."""
    model: str = ""
    """As served."""
    service_tier: str = ""
    id: str = ""
    """The provider's id. Servers repeat ids: it identifies nothing here."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the answer's headers say is left of the provider's rate limits; None: not said."""

    requests_left: int | None = None
    requests_reset_s: float | None = None
    tokens_left: int | None = None
    tokens_reset_s: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A request that was answered."""

    answer: Answer
    origin: Origin
    body: Mapping[str, Any]
    """The provider's own body; a stream put together."""
    latency_ms: float
    ttft_ms: float | None = None
    """To the first content of a stream; None: not streamed."""
    request_id: str = ""
    """The provider's header, for its support."""
    limits: Limits = Limits()


class Trouble(StrEnum):
    """What became of a request that was not answered, by what may be done next."""

    RETRY = "retry"
    """The server said: later (429, 5xx, overloaded). Nothing was charged; it may be sent again."""
    NOT_SENT = "not_sent"
    """No connection came about: nothing reached the server."""
    UNSURE = "unsure"
    """Sent, and no whole answer came (timeout, cut stream, closed socket): it may have been charged.
    It stays `in_doubt` and is never sent again unless asked."""
    UNREADABLE = "unreadable"
    """Answered with something that is no answer (wrong JSON): charged at its worst case, not sent again."""
    REFUSED = "refused"
    """The server refuses this request (400, 413, 422): nothing was charged, others may pass."""
    STOP = "stop"
    """No request will pass: authentication, unknown model, TLS, unknown host. The run ends (exit 5)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not answered, and why."""

    trouble: Trouble
    message: str
    """One sentence for people; secrets masked."""
    hint: str = ""
    status: int | None = None
    """HTTP status where there was one."""
    retry_after_s: float | None = None
    """As the server asked."""
    latency_ms: float = 0.0
    request_id: str = ""
    limits: Limits = Limits()


Outcome = Completion | Refusal


class AttemptState(StrEnum):
    """Of one sending of one request, as it stands in the ledger."""

    OPEN = "open"
    """In the ledger before it is sent. Found after a crash, or unsure: counted as in doubt."""
    ANSWERED = "answered"
    FAILED = "failed"
    """Settled without an answer and without a charge (retry, not sent, refused, stop)."""
    UNREADABLE = "unreadable"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the ledger before its request is sent."""

    run: int
    item: str
    """Id of the planned request, the same each time the plan is made; batches send it as custom_id."""
    number: int
    """1 for the first try."""
    worst_pusd: int
    """What it may cost at most: reserved until it is settled."""
    at_us: int
    batch: str = ""
    """Mark of the batch job that carries it (`model.marks`); empty: sent by itself. The provider's own id
    of the job stands beside it once it is known (`ReplayLedger.note_job`)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt."""

    run: int
    item: str
    number: int
    state: AttemptState
    at_us: int
    usd_pusd: int
    """Charged, by the measured usage at the endpoint's prices; the worst case where it is unknown."""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    """`outcome_json` of what came back: answer, latency, origin; or trouble and message."""


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the ledger keeps it; the body is left out, the answer's blocks are not."""
    if isinstance(outcome, Refusal):
        return {"refusal": {k: v for k, v in asdict(outcome).items() if k != "limits"}}
    answer = asdict(outcome.answer)
    return {
        "answer": answer, "origin": outcome.origin.value, "latency_ms": outcome.latency_ms,
        "ttft_ms": outcome.ttft_ms, "request_id": outcome.request_id,
    }  # fmt: skip


def outcome_from(kept: Mapping[str, Any]) -> Outcome:
    """The outcome behind `outcome_json`, without its body."""
    if "refusal" in kept:
        told = dict(kept["refusal"])
        return Refusal(trouble=Trouble(told.pop("trouble")), **told)
    said = dict(kept["answer"])
    blocks = tuple(
        Block(SegmentKind(b["kind"]), b["text"], b["name"], b["call_id"], Breakpoint(b["breakpoint"]))
        for b in said.pop("blocks")
    )  # fmt: skip
    leaves = said.pop("leaves")
    extra = tuple((model, tuple(tokens)) for model, tokens in said.pop("extra", ()))
    answer = Answer(blocks, leaves=None if leaves is None else tuple(leaves), extra=extra, **said)
    return Completion(
        answer, Origin(kept["origin"]), {}, kept["latency_ms"], kept["ttft_ms"],
        kept.get("request_id", ""),
    )  # fmt: skip


def settings_of(request: Request) -> dict[str, Any]:
    """The further parameters as a mapping."""
    return as_mapping(request.settings)
