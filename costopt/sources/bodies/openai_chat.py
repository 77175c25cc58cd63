"""OpenAI chat completions, and the providers that speak its language.

Cached tokens lie inside `prompt_tokens`. Reasoning lies inside `completion_tokens`, except where the
total says otherwise (xAI: total = prompt + completion + reasoning).
Fields: openai-python 3.54 `types/completion_usage.py`, `types/chat/chat_completion.py`
(https://github.com/openai/openai-python, checked 2026-11-24).
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from costopt.model.call import Segment, SegmentKind, Usage, missing_usage
from costopt.model.usage import MAX_TOKENS, Counts, as_count, inside
from costopt.sources.bodies.parts import Body, ResponseParts, items, mapping, text, tier, time_us
from costopt.sources.bodies.segments import ROLES, Names, content, mark_last, tool_call, tool_result

# Ollama's /v1 numbers its answers at random below 1,000: no identity.
_WEAK_ID = re.compile(r"(chatcmpl|cmpl)-\d{1,6}")


PLAIN_ROLES = {
    "system": SegmentKind.SYSTEM,
    "user": SegmentKind.USER,
    "assistant": SegmentKind.ASSISTANT,
}


def message(out: list[Segment], value: object, names: Names) -> None:
    """One message of a request or an answer: reasoning, content, then tool calls."""
    if not isinstance(value, dict):
        content(out, value, SegmentKind.USER, names)
        return
    role, words = value.get("role"), value.get("content")
    if len(value) == 2 and type(words) is str and type(role) is str and role in PLAIN_ROLES:
        if words:
            out.append(Segment(PLAIN_ROLES[role], words))
        return
    kind = ROLES.get(text(value.get("role")).lower(), SegmentKind.USER)
    size = len(out)
    if kind == SegmentKind.TOOL_RESULT:
        name = text(value.get("name"))
        tool_result(out, value.get("content"), value.get("tool_call_id"), names, name)
    else:
        if kind == SegmentKind.ASSISTANT:
            _reasoning(out, value)
        content(out, value.get("content"), kind, names)
        if len(value) > 2:
            _rest(out, value, kind, names)
    if "cache_control" in value and len(out) > size:
        mark_last(out, value["cache_control"])


def _reasoning(out: list[Segment], value: Body) -> None:
    for field in ("reasoning_content", "reasoning", "thinking"):
        words = value.get(field)
        if isinstance(words, str) and words:
            out.append(Segment(SegmentKind.REASONING, words))
            return


def _rest(out: list[Segment], value: Body, kind: SegmentKind, names: Names) -> None:
    refusal = value.get("refusal")
    if isinstance(refusal, str) and refusal:
        out.append(Segment(kind, refusal))
    for picture in items(value.get("images")):  # Ollama puts base64 beside the text
        shown = picture if isinstance(picture, dict) else {"image": picture}
        content(out, {"type": "image", **shown}, kind, names)
    if isinstance(value.get("audio"), dict):
        content(out, {"type": "audio", **value["audio"]}, kind, names)
    for call in items(value.get("tool_calls")):
        call = mapping(call)
        function = mapping(call.get("function")) or mapping(call.get("custom")) or call
        args = function.get("arguments", function.get("input", function.get("args")))
        tool_call(out, function.get("name"), args, call.get("id"), names)
    old = value.get("function_call")
    if isinstance(old, dict):
        tool_call(out, old.get("name"), old.get("arguments"), None, names)


def usage(value: Body, *, provider: str = "", model: str = "") -> Usage:
    """Counts of a chat usage object. Raises UsageContradiction."""
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if prompt is None:
        return missing_usage()
    into, out = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    into, out = mapping(into), mapping(out)
    read = _first(into, "cached_tokens", "cache_read_tokens")
    # LiteLLM and DeepSeek repeat the same cached tokens on the top level.
    read = read or _first(value, "prompt_cache_hit_tokens", "cache_read_input_tokens")
    # SGLang repeats reasoning_tokens on the top level.
    thought = _first(out, "reasoning_tokens") or value.get("reasoning_tokens")
    counts = Counts(input=prompt, read=read, output=completion, reasoning=thought)
    _writes(counts, value, into, provider, model)
    counts.audio_in, counts.image_in = into.get("audio_tokens"), into.get("image_tokens")
    counts.audio_read = mapping(into.get("cached_tokens_details")).get("audio_tokens")
    counts.audio_out, counts.image_out = out.get("audio_tokens"), out.get("image_tokens")
    counts.web_searches = _searches(value)
    if _outside(counts, value, provider):
        counts.output = as_count(completion, "output") + as_count(thought, "reasoning")
    return inside(counts)


def _first(value: Body, *names: str) -> Any:
    for name in names:
        if value.get(name) is not None:
            return value[name]
    return None


def _outside(counts: Counts, value: Body, provider: str) -> bool:
    """The total decides whether reasoning stands beside the completion."""
    thought = as_count(counts.reasoning, "reasoning")
    if not thought:
        return False
    shown = as_count(counts.input, "input") + as_count(counts.output, "output")
    total = value.get("total_tokens")
    if total is None:
        return provider in ("xai", "x-ai", "x_ai")
    return as_count(total, "total_tokens") == shown + thought


def _writes(counts: Counts, value: Body, into: Body, provider: str, model: str) -> None:
    """Cache writes: OpenAI states no lifetime in chat; what came from Anthropic is five minutes."""
    split = mapping(into.get("cache_creation_token_details")) or mapping(
        value.get("cache_creation")
    )
    flat = _first(into, "cache_write_tokens", "cache_creation_tokens")
    anthropic = flat is None or "cache_write_tokens" not in into
    if flat is None:
        flat = value.get("cache_creation_input_tokens")
    short, long = split.get("ephemeral_5m_input_tokens"), split.get("ephemeral_1h_input_tokens")
    if short or long:
        counts.write_5m, counts.write_1h = short, long
    elif anthropic or (_is_openrouter(value, provider) and not model.startswith("openai/")):
        counts.write_5m = flat
    else:
        counts.write_other = flat


def _is_openrouter(value: Body, provider: str) -> bool:
    return provider == "openrouter" or "cost_details" in value or "is_byok" in value


def _searches(value: Body) -> int:
    """Searches that the provider charges by the piece (xAI counts sources)."""
    hosted = mapping(value.get("server_tool_use")).get("web_search_requests")
    return as_count(hosted or value.get("num_sources_used"), "web searches")


def plain_usage(value: Body) -> Usage | None:
    """The usual case fast: whole numbers, text only. None: let `usage` read it (its twin in tests)."""
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if type(prompt) is not int or type(completion) is not int:
        return None
    read = thought = 0
    for name, part in value.items():
        if part and name not in _PLAIN:
            return None
    into = value.get("prompt_tokens_details")
    if into:
        if type(into) is not dict or any(v and k not in _PLAIN_IN for k, v in into.items()):
            return None
        read = into.get("cached_tokens") or 0
    out = value.get("completion_tokens_details")
    if out:
        if type(out) is not dict or any(v and k not in _PLAIN_OUT for k, v in out.items()):
            return None
        thought = out.get("reasoning_tokens") or 0
    total = value.get("total_tokens")
    if (
        type(read) is not int
        or type(thought) is not int
        or (thought and total != prompt + completion)
    ):
        return None
    if not (0 <= read <= prompt <= MAX_TOKENS and 0 <= thought <= completion <= MAX_TOKENS):
        return None
    # By position, as in `model/leaf.py`: fresh, cache read, ..., output text, reasoning, audio, image.
    leaves = [prompt - read, read, 0, 0, 0, 0, 0, 0, 0, 0, completion - thought, thought, 0, 0]
    return Usage(leaves)


_PLAIN = frozenset(
    ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details",
     "completion_tokens_details", "queue_time", "prompt_time", "completion_time", "total_time",
     "prompt_cache_miss_tokens", "cost", "is_byok", "cost_details")
)  # fmt: skip
_PLAIN_IN = frozenset(("cached_tokens", "text_tokens"))
_PLAIN_OUT = frozenset(
    ("reasoning_tokens", "text_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")
)


def response(body: Body, *, provider: str = "") -> ResponseParts:
    """A chat or text completion. Raises UsageContradiction."""
    id, model = text(body.get("id")), text(body.get("model"))
    who = provider_of(body, model)
    counts = body.get("usage") or mapping(body.get("x_groq")).get("usage")
    parts = ResponseParts(
        id,
        key_of(id, body.get("created"), body.get("model")),
        model,
        who,
        time_us(body.get("created")),
        usage=_usage_of(counts, provider or who, model),
        service_tier=tier(body.get("service_tier")),
    )
    names: Names = {}
    for choice in items(body.get("choices")):
        choice = mapping(choice)
        said = choice.get("message")
        if isinstance(said, dict):
            message(
                parts.segments, said if "role" in said else {**said, "role": "assistant"}, names
            )
        else:
            content(parts.segments, choice.get("text"), SegmentKind.ASSISTANT, names)
        parts.finish = parts.finish or text(choice.get("finish_reason"))
    if isinstance(counts, dict) and "cost" in counts:
        _recorded(parts, counts)
    return parts


def _usage_of(counts: object, provider: str, model: str) -> Usage:
    if not isinstance(counts, dict) or not counts:
        return missing_usage()
    return plain_usage(counts) or usage(counts, provider=provider, model=model)


def key_of(id: str, created: object, model: object) -> str:
    """The identity of an answer; an id that is too short to be one gets time and model beside it."""
    if len(id) < 16 and _WEAK_ID.fullmatch(id):
        return f"{id}|{created}|{model}"
    return id


def _recorded(parts: ResponseParts, counts: Body) -> None:
    """OpenRouter: `cost` is the charge; with the user's own key it is the fee beside the upstream bill."""
    parts.byok = counts.get("is_byok") is True
    amounts = [counts.get("cost")]
    if parts.byok:
        amounts.append(mapping(counts.get("cost_details")).get("upstream_inference_cost"))
    parts.recorded_usd = money_text(*amounts)


# No call costs this much, none this little: such a number is damage.
_MOST_USD, _LEAST_DIGIT = 1_000_000, -30


def money_text(*amounts: object) -> str | None:
    """The exact decimal sum of amounts as a log spells them; None: none, or one that cannot be."""
    if len(amounts) == 1 and type(amounts[0]) is float and 1e-4 <= amounts[0] < _MOST_USD:
        return repr(amounts[0])  # what the sum below gives, for the usual amount
    total: Decimal | None = None
    for amount in amounts:
        if isinstance(amount, int | float | str) and not isinstance(amount, bool):
            value = _amount(amount)
            if value is None:
                return None
            total = value if total is None else total + value
    return None if total is None else f"{total:f}"


def _amount(amount: int | float | str) -> Decimal | None:
    try:
        value = Decimal(amount if isinstance(amount, str) else repr(amount))
    except InvalidOperation:
        return None
    if not value.is_finite() or not 0 <= value < _MOST_USD:
        return None
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and exponent >= _LEAST_DIGIT else None


_BY_MODEL = (
    ("gpt-", "openai"), ("chatgpt-", "openai"), ("o1", "openai"), ("o3", "openai"),
    ("o4", "openai"), ("codex-", "openai"), ("computer-use-", "openai"),
    ("text-embedding-", "openai"), ("ft:gpt-", "openai"), ("deepseek-", "deepseek"),
    ("grok-", "xai"), ("claude-", "anthropic"), ("gemini-", "google"),
)  # fmt: skip


def provider_of(body: Body, model: str) -> str:
    """Who served, by marks that only they leave; a bare model name decides last."""
    if "provider" in body and text(body.get("id")).startswith("gen-"):
        return "openrouter"
    if "x_groq" in body:
        return "groq"
    if "prompt_filter_results" in body or _filtered(body):
        return "azure"
    if "prompt_cache_hit_tokens" in mapping(body.get("usage")):
        return "deepseek"
    return maker(model)


@lru_cache(maxsize=4096)
def maker(model: str) -> str:
    """Whose model this is, by the start of its name; empty for one that many serve."""
    if model.startswith("gpt-oss"):
        return ""
    return next((who for start, who in _BY_MODEL if model.startswith(start)), "")


def _filtered(body: Body) -> bool:
    choices = items(body.get("choices"))
    return bool(choices) and "content_filter_results" in mapping(choices[0])
