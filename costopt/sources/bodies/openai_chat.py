"""OpenAI chat completions, and the providers that speak its language.

Fields: openai-python 3.54 `types/chat/chat_completion.py`
(https://github.com/openai/openai-python, checked 2026-11-24).
"""

from __future__ import annotations

import re
from functools import lru_cache

from costopt.model.call import Segment, SegmentKind, Usage, missing_usage
from costopt.sources.bodies.amounts import money_text
from costopt.sources.bodies.openai_usage import plain_usage, usage
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
        if len(value) > 2 or "content" not in value:  # a turn of tool calls alone
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
        service_tier=tier(body.get("service_tier")) or tier(mapping(counts).get("service_tier")),
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
