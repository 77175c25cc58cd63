"""One record of costopt's own log: bodies, and the fields around them."""

from __future__ import annotations

from typing import Any

from costopt.model.call import Call, CallStatus, Segment, SegmentKind, Skipped
from costopt.prices.names import bare, split_bedrock
from costopt.sources.bodies import read_request, read_response, usage_from
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.build import body_of, call_of, fail, flat
from costopt.sources.bodies.parts import error_text, mapping, number, text, tier, time_us

SPAN_KIND = "openinference.span.kind"
NO_CALL = frozenset(
    (
        "agent",
        "chain",
        "tool",
        "retriever",
        "reranker",
        "guardrail",
        "evaluator",
        "prompt",
        "parser",
    )
)

# Fields of the record that are text columns of the call under the same name.
TEXT_FIELDS = frozenset(
    ("session_id", "parent_id", "agent", "task", "tenant", "workflow", "user_segment", "user",
     "project", "workspace", "api_key_hash", "region", "provider", "speed", "prompt_cache_key")
)  # fmt: skip
# Of these a user's own metadata may fill an empty one. Not those that change a price or a cache: a
# metadata `region` is where the user sits, not where the model ran.
METADATA_FIELDS = TEXT_FIELDS - {"region", "speed", "provider", "prompt_cache_key"}
# What other writers call them; taken where the field itself is absent.
ALIASES = (
    ("session_id", ("session", "conversation_id", "thread_id", "trace_id", "run_id")),
    ("user", ("user_id", "end_user")),
    ("project", ("project_id",)),
    ("workspace", ("workspace_id",)),
    ("agent", ("agent_name",)),
    ("tenant", ("tenant_id",)),
)
_ALIAS_NAMES = frozenset(other for _, others in ALIASES for other in others)
_TIMES = ("timestamp", "start_time", "started_at", "created_at", "time", "ts")


def is_no_call(record: dict[str, Any]) -> bool:
    """A parent, or a step of another kind, by `kind` or by OpenInference's span kind."""
    return _kind(record).lower() in NO_CALL


def _kind(record: dict[str, Any]) -> str:
    kind, metadata = record.get("kind"), record.get("metadata")
    if not kind and metadata and isinstance(metadata, dict):
        kind = metadata.get(SPAN_KIND)
        if kind is None and "openinference" in metadata:
            kind = mapping(mapping(metadata["openinference"]).get("span")).get("kind")
    return kind if isinstance(kind, str) else ""


def native_call(line: int, record: dict[str, Any]) -> Call | Skipped:
    """The call of a record. Raises UsageContradiction."""
    metadata = record.get("metadata")
    if is_no_call(record):
        kind = _kind(record).lower()
        return Skipped(line, kind, text(record.get("id")), text(record.get("parent_id")))
    request, told = record.get("request"), record.get("response")
    request = request if type(request) is dict else body_of(request)
    response = told if type(told) is dict else body_of(told)
    asked = read_request(request) if request else None
    provider = text(record.get("provider")).lower()
    said = read_response(response, provider=provider) if response else None
    call = call_of(line, asked, said)
    _add_bedrock(call)
    if response is None and isinstance(told, str) and told:
        call.response = [Segment(SegmentKind.ASSISTANT, told)]  # the answer's words alone
    _add_fields(call, record, said is not None and bool(said.service_tier))
    if metadata and isinstance(metadata, dict):
        add_metadata(call, metadata)
    add_aliases(call, record)
    _add_outcome(call, record, provider)
    return call


def _add_bedrock(call: Call) -> None:
    """Bedrock's own id carries the region and so the price; the body's model names the maker's."""
    if call.request_model != call.model and "." in call.request_model:
        if split_bedrock(bare(call.request_model)):
            call.model, call.provider = call.request_model, "bedrock"
    elif call.provider == "anthropic" and split_bedrock(bare(call.model)):
        call.provider = "bedrock"


def _add_fields(call: Call, record: dict[str, Any], served: bool) -> None:
    """Text columns, times and sizes that stand on the record."""
    for name in record.keys() & TEXT_FIELDS:
        value = record[name]
        if value is not None:
            setattr(call, name, value if type(value) is str else text(value))
    _add_time(call, record)
    latency_ms, ttft_ms = record.get("latency_ms"), record.get("ttft_ms")
    if latency_ms is not None:
        call.latency_ms = number(latency_ms)
    if ttft_ms is not None:
        call.ttft_ms = number(ttft_ms)
    said_tier = tier(record.get("service_tier"))
    # A response cannot know that it ran in a batch: it says `default` there.
    if said_tier and (not served or (said_tier == "batch" and call.service_tier == "default")):
        call.service_tier = said_tier
    if call.model == "" and "model" in record:
        call.model = text(record["model"])
    tags = record.get("tags")
    if tags:
        call.tags = tuple(text(t) for t in tags) if isinstance(tags, list) else (text(tags),)


def _add_time(call: Call, record: dict[str, Any]) -> None:
    for name in _TIMES:
        value = record.get(name)
        if value is not None:
            call.at_us = time_us(value)
            if call.at_us is None:
                call.note = f"{name} is {str(value)[:60]!r}, not a time"
            return


def add_metadata(call: Call, metadata: dict[str, Any]) -> None:
    """All of it can be asked for; what bears the name of a column that says who asked fills an empty one."""
    call.metadata = flat(metadata)
    for name, value in call.metadata.items():
        if name in METADATA_FIELDS and not getattr(call, name):
            setattr(call, name, value)


def add_aliases(call: Call, record: dict[str, Any]) -> None:
    """What other writers call a column fills an empty one."""
    if record.keys().isdisjoint(_ALIAS_NAMES) and not call.metadata:
        return
    for name, others in ALIASES:
        if not getattr(call, name):
            found = (text(record.get(o)) or call.metadata.get(o, "") for o in others)
            setattr(call, name, next(filter(None, found), ""))


def _add_outcome(call: Call, record: dict[str, Any], provider: str) -> None:
    """Cost, error, gateway hit, identity."""
    own_id = text(record.get("id"))
    if call.usage.state and record.get("usage"):
        call.usage = usage_from(record["usage"], provider=provider, model=call.model)
    cost = record.get("cost_usd")
    if cost is not None:
        call.recorded_usd = money_text(cost)
        if call.recorded_usd is None:
            call.note = f"cost_usd is {str(cost)[:60]!r}, not an amount"
    if record.get("error"):
        fail(call, error_text(record["error"]))
    if record.get("cache_hit") is True:
        # The stored answer repeats the id of the call that was paid for: it is not its identity.
        call.status, call.key = CallStatus.GATEWAY_HIT, ""
    if own_id:
        call.id = own_id
        if not call.key:
            call.key = f"{call.session_id}|{own_id}|{call.at_us}|{int(call.status)}"
