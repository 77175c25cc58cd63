"""The usual record of costopt's own log, decoded straight into its call.

The plain twin is `native_call`: whatever is not exactly the usual shape is left to it, and a test holds
the two equal. Records of other shapes cost a failed attempt, so a file that has many gets no more tries.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec
import orjson

from costopt.model.call import (
    Call,
    CallStatus,
    Segment,
    SegmentKind,
    Usage,
    UsageContradiction,
    UsageState,
)
from costopt.model.request_settings import canonical
from costopt.prices.names import bare, split_bedrock
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import counts_nothing, shown
from costopt.sources.bodies.native import SPAN_KIND, add_aliases, add_metadata
from costopt.sources.bodies.openai_chat import PLAIN_ROLES, key_of, maker, message
from costopt.sources.bodies.openai_usage import plain_usage
from costopt.sources.bodies.openai_usage import usage as chat_usage
from costopt.sources.bodies.parts import number, tier, time_us, whole
from costopt.sources.bodies.segments import tool_schemas
from costopt.sources.bodies.settings import USUAL_SETTINGS

_TRIES = 64
_SEEN, _LONG = 512, 65_536
"""So many messages, each of so many characters at most, are kept in mind: 32 MB."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Base of what is expected: another field than these is another shape."""


class _Choice(_Shape):
    message: dict[str, Any]
    index: int = 0
    finish_reason: str | None = None
    logprobs: None = None


class _Response(_Shape):
    usage: dict[str, Any]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    choices: list[_Choice] = []
    service_tier: str | None = None
    system_fingerprint: str | None = None


class _Request(_Shape):
    messages: list[Any]
    model: str | None = None
    tools: list[Any] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    stream: bool | None = None
    top_p: Any = None
    n: Any = None
    stop: Any = None
    seed: Any = None
    tool_choice: Any = None
    response_format: Any = None
    parallel_tool_calls: Any = None
    stream_options: Any = None
    reasoning_effort: Any = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None


class _Record(_Shape):
    request: _Request
    response: _Response
    id: str | None = None
    session_id: str | None = None
    parent_id: str | None = None
    timestamp: str | float | int | None = None
    latency_ms: float | None = None
    ttft_ms: float | None = None
    agent: str | None = None
    task: str | None = None
    tenant: str | None = None
    workflow: str | None = None
    user_segment: str | None = None
    user: str | None = None
    project: str | None = None
    workspace: str | None = None
    api_key_hash: str | None = None
    region: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    provider: str | None = None
    service_tier: str | None = None
    cost_usd: float | int | None = None
    error: None = None


_TOLD = attrgetter(*USUAL_SETTINGS)
_decode = msgspec.json.Decoder(_Record).decode


class QuickLoads:
    """Stands where `orjson.loads` would: gives a `Call` for the usual line, else its parsed value."""

    def __init__(self) -> None:
        self._misses = 0
        self._seen: dict[int, Segment] = {}

    def __call__(self, line: bytes) -> Any:
        """The call of a usual line, without its line number. Raises ValueError on what is not JSON."""
        if self._misses < _TRIES:
            try:
                call = _call(_decode(line), self._seen)
            except msgspec.MsgspecError:
                call = None
            if call is not None:
                self._misses = 0
                return call
            self._misses += 1
        return orjson.loads(line)


def _call(record: _Record, seen: dict[int, Segment]) -> Call | None:
    """None where anything needs a second look. `seen`: messages of earlier calls by their length."""
    said, asked = record.response, record.request
    id, model = said.id or "", said.model or ""
    guess = maker(model)
    usage = _usage(said.usage, (record.provider or "").lower() or guess, model)
    at_us = time_us(record.timestamp) if record.timestamp is not None else time_us(said.created)
    metadata = record.metadata
    if (
        usage is None
        or (metadata and (SPAN_KIND in metadata or "openinference" in metadata))
        or (at_us is None and record.timestamp is not None)
    ):
        return None
    named = asked.model or ""
    if named != model and "." in named and split_bedrock(bare(named)):
        return None
    cost = record.cost_usd
    recorded = None if cost is None else money_text(cost)
    if cost is not None and recorded is None:
        return None
    limit = whole(asked.max_completion_tokens)
    request, response, finish = _blocks(asked, said, seen)
    served = own_tier = ""
    if said.service_tier or "service_tier" in said.usage:
        served = tier(said.service_tier) or tier(said.usage.get("service_tier"))
    if record.service_tier:
        own_tier = tier(record.service_tier)
    if own_tier == "batch" and served in ("", "default"):
        served = own_tier
    session = record.session_id or ""
    call = Call(
        key_of(id, said.created, said.model) or (f"{session}|{record.id}|{at_us}|0" if record.id else ""),
        usage, 0, record.id or id, None, session, record.parent_id or "", False, at_us,
        None if record.latency_ms is None else number(record.latency_ms),
        None if record.ttft_ms is None else number(record.ttft_ms),
        guess if record.provider is None else record.provider,
        model or asked.model or "", asked.model or "",
        record.agent or "", record.task or "", record.tenant or "", record.workflow or "",
        record.user_segment or "", record.user or "", record.project or "", record.workspace or "",
        record.api_key_hash or "", tuple(record.tags or ()), record.region or "",
        served or own_tier or tier(asked.service_tier) or "default", "", CallStatus.OK, "", finish,
        recorded, False, limit if limit is not None else whole(asked.max_tokens),
        number(asked.temperature), asked.stream is True, asked.prompt_cache_key or "",
        _settings(asked), {},
        shown(request), shown(response),
    )  # fmt: skip
    if metadata:
        add_metadata(call, metadata)
        add_aliases(call, {})
    return call


def _settings(asked: _Request) -> str:
    found = {
        n: value for n, value in zip(USUAL_SETTINGS, _TOLD(asked), strict=True) if value is not None
    }
    return canonical(found) if found else ""


def _usage(told: dict[str, Any], provider: str, model: str) -> Usage | None:
    # Both name a provider, or a cost, that the record itself does not: the twin knows them.
    if "cost" in told or "prompt_cache_hit_tokens" in told:
        return None
    plain = plain_usage(told)
    if plain is not None:
        return None if counts_nothing(plain) else plain
    try:
        found = chat_usage(told, provider=provider, model=model)
    except UsageContradiction:
        return None
    known = found.state == UsageState.REPORTED and not counts_nothing(found)
    return found if known else None


def _blocks(
    asked: _Request, said: _Response, seen: dict[int, Segment]
) -> tuple[list[Segment], list[Segment], str]:
    request: list[Segment] = []
    names: dict[str, str] = {}
    if asked.tools:
        tool_schemas(request, asked.tools)
    for one in asked.messages:
        if type(one) is dict and len(one) == 2:
            role, words = one.get("role"), one.get("content")
            if type(words) is str and type(role) is str and words and role in PLAIN_ROLES:
                request.append(_resent(PLAIN_ROLES[role], words, seen))
                continue
        message(request, one, names)
    response: list[Segment] = []
    finish, names = "", {}
    for choice in said.choices:
        told = choice.message
        message(response, told if "role" in told else {**told, "role": "assistant"}, names)
        finish = finish or choice.finish_reason or ""
    return request, response, finish


def _resent(kind: SegmentKind, words: str, seen: dict[int, Segment]) -> Segment:
    """The very block of an earlier call where this one says the same: it is hashed and kept once."""
    size = len(words)
    found = seen.get(size)
    if found is not None and found.text == words and found.kind is kind:
        return found
    if size > _LONG:
        return Segment(kind, words)
    if len(seen) >= _SEEN:
        seen.clear()
    block = seen[size] = Segment(kind, words)
    return block
