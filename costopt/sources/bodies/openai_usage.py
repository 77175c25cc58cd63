"""The usage object of OpenAI chat, in the words of all who speak its language.

Cached tokens lie inside `prompt_tokens`. Reasoning lies inside `completion_tokens`, except where the
total says otherwise (xAI: total = prompt + completion + reasoning).
Fields: openai-python 3.54 `types/completion_usage.py`
(https://github.com/openai/openai-python, checked 2026-11-24).
"""

from __future__ import annotations

from typing import Any

from costopt.model.call import Usage, missing_usage
from costopt.model.usage import MAX_TOKENS, Counts, as_count, inside
from costopt.sources.bodies.parts import Body, mapping


def usage(value: Body, *, provider: str = "", model: str = "") -> Usage:
    """Counts of a chat usage object. Raises UsageContradiction."""
    prompt, completion = value.get("prompt_tokens"), value.get("completion_tokens")
    if prompt is None:
        return missing_usage()
    into, out = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    into, out = mapping(into), mapping(out)
    read = _first(into, "cached_tokens", "cache_read_tokens")
    # DeepSeek, LiteLLM and others repeat the same cached tokens on the top level, Moonshot only there.
    read = read or _first(value, *_TOP_READS)
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


_TOP_READS = (
    "prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens", "cache_read_tokens",
)  # fmt: skip


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
    into, out = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    if not (_only(value, _PLAIN) and _only(into, _PLAIN_IN) and _only(out, _PLAIN_OUT)):
        return None
    read = into.get("cached_tokens") or 0 if into else 0
    thought = out.get("reasoning_tokens") or 0 if out else 0
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


def _only(value: Any, allowed: frozenset[str]) -> bool:
    """True: an object that says nothing beyond these fields, zero and null aside; or none at all."""
    if not value:
        return True
    if type(value) is not dict:
        return False
    return value.keys() <= allowed or not any(v and k not in allowed for k, v in value.items())


_PLAIN = frozenset(
    ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details",
     "completion_tokens_details", "queue_time", "prompt_time", "completion_time", "total_time",
     "prompt_cache_miss_tokens", "cost", "is_byok", "cost_details")
)  # fmt: skip
_PLAIN_IN = frozenset(("cached_tokens", "text_tokens"))
_PLAIN_OUT = frozenset(
    ("reasoning_tokens", "text_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens")
)
