"""Provider bodies: one reader a family; here the family is told by the body's own fields.

`read_request`, `read_response` and `usage_from` serve every log that keeps bodies as they were sent.
They raise `UsageContradiction` alone; what a body does not say stays empty, and usage `MISSING`.
"""

from __future__ import annotations

from costopt.model.call import CallStatus, Usage, UsageContradiction, missing_usage
from costopt.sources.bodies import (
    anthropic,
    bedrock,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
    openai_usage,
)
from costopt.sources.bodies.parts import (
    Body,
    RequestParts,
    ResponseParts,
    error_text,
    mapping,
    text,
    tier,
)
from costopt.sources.bodies.requests import read_request

__all__ = ["RequestParts", "ResponseParts", "family", "read_request", "read_response", "usage_from"]

_ANTHROPIC = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation",
              "server_tool_use", "iterations", "inference_geo")  # fmt: skip


def usage_from(usage: object, *, provider: str = "", model: str = "") -> Usage:
    """Counts of a usage object of any spelling; absent, null or without counts: missing.

    Raises UsageContradiction where the counts cannot all be true.
    """
    if usage is None or usage == {}:
        return missing_usage()
    if not isinstance(usage, dict):
        raise UsageContradiction(f"usage is {type(usage).__name__}, not an object")
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        plain = openai_usage.plain_usage(usage)
        return plain or openai_usage.usage(usage, provider=provider, model=model)
    if "input_tokens" in usage or "iterations" in usage:
        if any(name in usage for name in _ANTHROPIC) or _has_thinking(usage):
            return anthropic.usage(usage, model=model)
        return openai_responses.usage(usage)
    if "inputTokens" in usage:
        return bedrock.usage(usage)
    if "prompt_eval_count" in usage:
        return ollama.usage(usage)
    return gemini.usage(usage)


def _has_thinking(usage: Body) -> bool:
    return "thinking_tokens" in mapping(usage.get("output_tokens_details"))


def family(body: Body) -> str:
    """Which provider's response this is; empty: none that is known."""
    if "choices" in body:
        return "openai-chat"
    kind, counts = body.get("type"), body.get("usage")
    if body.get("object") == "response":
        return "openai-responses"
    if kind == "message" or (isinstance(counts, dict) and _is_anthropic(body, counts)):
        return "anthropic"
    if any(n in body for n in ("candidates", "usageMetadata", "usage_metadata", "promptFeedback")):
        return "gemini"
    if "message" in mapping(body.get("output")) or "inputTokens" in mapping(counts):
        return "bedrock"
    if "created_at" in body and ("done" in body or "eval_count" in body):
        return "ollama"
    if isinstance(body.get("output"), list) and "input_tokens" in mapping(counts):
        return "openai-responses"
    return "openai-chat" if isinstance(counts, dict) and "prompt_tokens" in counts else ""


def _is_anthropic(body: Body, counts: Body) -> bool:
    return "input_tokens" in counts and (
        "stop_reason" in body or isinstance(body.get("content"), list)
    )


def read_response(body: Body, *, provider: str = "") -> ResponseParts:
    """Everything a response body says. Raises UsageContradiction.

    `provider`: what the log around it says; it decides only where the body leaves a choice.
    """
    found = family(body)
    if found == "openai-chat":
        parts = openai_chat.response(body, provider=provider)
    elif found == "openai-responses":
        parts = openai_responses.response(body)
    elif found == "anthropic":
        parts = anthropic.response(body)
    elif found == "gemini":
        parts = gemini.response(body)
    elif found == "bedrock":
        parts = bedrock.response(body)
    elif found == "ollama":
        parts = ollama.response(body)
    else:
        parts = _bare(body, provider)
    if body.get("error"):
        _fail(parts, body)
    elif parts.status == CallStatus.FAILED and parts.usage.state:
        parts.usage = Usage()
    return parts


def _bare(body: Body, provider: str) -> ResponseParts:
    """A body reduced to its usage, or one of a family that has not been met."""
    parts = ResponseParts(text(body.get("id")), model=text(body.get("model")))
    parts.key = parts.id
    parts.service_tier = tier(mapping(body.get("usage")).get("service_tier"))
    parts.service_tier = tier(body.get("service_tier")) or parts.service_tier
    parts.usage = usage_from(body.get("usage"), provider=provider, model=parts.model)
    return parts


def _fail(parts: ResponseParts, body: Body) -> None:
    """An error costs what was reported, else nothing."""
    parts.status = CallStatus.FAILED
    parts.error = error_text(body["error"])
    if parts.usage.state:
        parts.usage = Usage()
