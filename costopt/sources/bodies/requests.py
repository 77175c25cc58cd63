"""Any provider's request body, in wire order: tools, system, messages."""

from __future__ import annotations

from costopt.model.call import Segment, SegmentKind
from costopt.sources.bodies import gemini, openai_chat, openai_responses
from costopt.sources.bodies.gemini import either
from costopt.sources.bodies.parts import (
    Body,
    RequestParts,
    items,
    mapping,
    number,
    text,
    tier,
    whole,
)
from costopt.sources.bodies.segments import Names, content, mark_last, tool_schemas
from costopt.sources.bodies.settings import settings_of, usual_settings


def read_request(body: Body) -> RequestParts:
    """Blocks and settings of a request to any provider. Never raises."""
    if body.keys() <= USUAL:
        return _usual(body)
    parts = RequestParts(model=text(body.get("model")) or text(body.get("modelId")))
    parts.stream = body.get("stream") is True
    _settings(parts, body)
    names: Names = {}
    _front(parts, body, names)
    _messages(parts, body, names)
    if "cache_control" in body:  # Anthropic: the last block, wherever it is
        mark_last(parts.segments, body["cache_control"])
    return parts


USUAL = frozenset(
    ("model", "messages", "tools", "max_tokens", "max_completion_tokens", "temperature", "stream",
     "top_p", "n", "stop", "seed", "tool_choice", "response_format", "parallel_tool_calls", "stream_options",
     "reasoning_effort", "service_tier", "prompt_cache_key")
)  # fmt: skip
"""Fields of a usual chat request."""


def _usual(body: Body) -> RequestParts:
    """A chat request of the usual fields alone: the same as below, without looking for others."""
    plain_roles = openai_chat.PLAIN_ROLES
    out: list[Segment] = []
    tools, said = body.get("tools"), body.get("messages")
    if tools:
        tool_schemas(out, tools)
    names: Names = {}
    for one in said if type(said) is list else () if said is None else (said,):
        if type(one) is dict and len(one) == 2:
            role, words = one.get("role"), one.get("content")
            if type(words) is str and type(role) is str and words and role in plain_roles:
                out.append(Segment(plain_roles[role], words))
                continue
        openai_chat.message(out, one, names)
    limit = whole(body.get("max_completion_tokens"))
    return RequestParts(
        out, said is not None, text(body.get("model")),
        limit if limit is not None else whole(body.get("max_tokens")),
        number(body.get("temperature")), body.get("stream") is True,
        tier(body.get("service_tier")), text(body.get("prompt_cache_key")),
        settings=usual_settings(body),
    )  # fmt: skip


def _settings(parts: RequestParts, body: Body) -> None:
    config = _config(body)
    limits = [body.get(n) for n in ("max_completion_tokens", "max_tokens", "max_output_tokens")]
    limits += [config.get(n) for n in _CONFIG_LIMITS] if config else []
    parts.max_tokens = next((n for n in map(whole, limits) if n is not None), None)
    parts.temperature = number(body.get("temperature"))
    if parts.temperature is None and config:
        parts.temperature = number(config.get("temperature"))
    parts.service_tier = tier(body.get("service_tier"))
    parts.prompt_cache_key = text(body.get("prompt_cache_key"))
    parts.settings = settings_of(body)
    user = body.get("user")
    parts.user = text(user) if user else text(mapping(body.get("metadata")).get("user_id"))


_CONFIG_LIMITS = ("maxTokens", "maxOutputTokens", "max_output_tokens", "num_predict")


def _config(body: Body) -> Body:
    """Where Gemini, Bedrock and Ollama keep their settings."""
    for name in ("generationConfig", "generation_config", "inferenceConfig", "options", "config"):
        found = body.get(name)
        if isinstance(found, dict):
            return found
    return {}


def _front(parts: RequestParts, body: Body, names: Names) -> None:
    """What stands before the messages: tool schemas, then the system prompt."""
    out, config = parts.segments, mapping(body.get("config"))
    tools = body.get("tools") or config.get("tools") or mapping(body.get("toolConfig")).get("tools")
    if tools:
        tool_schemas(out, tools)
    tool_schemas(out, [{"type": "function", "function": f} for f in items(body.get("functions"))])
    told = body.get("system") or body.get("instructions")
    told = told or either(body, "systemInstruction") or either(config, "systemInstruction")
    if isinstance(told, dict) and "parts" in told:
        told = told["parts"]
    if told:
        content(out, told, SegmentKind.SYSTEM, names)


def _messages(parts: RequestParts, body: Body, names: Names) -> None:
    for field, reader in _READERS:
        said = body.get(field)
        if said is None:
            continue
        parts.has_content = True
        out = parts.segments
        for one in said if isinstance(said, list) else [said]:
            reader(out, one, names)
        return


_READERS = (
    ("messages", openai_chat.message),
    ("contents", gemini.message),
    ("input", openai_responses.item),
    ("prompt", openai_chat.message),
    ("inputText", openai_chat.message),
)
