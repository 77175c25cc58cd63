"""Records of the native call log around provider bodies, and what the provider charges for them."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

Record = dict[str, Any]

# USD per million tokens: fresh input, cached input, output.
# https://openai.com/api/pricing, checked 2026-11-24.
PRICES = {"gpt-4.1": ("2.00", "0.50", "8.00"), "gpt-4.1-mini": ("0.40", "0.10", "1.60")}
# https://claude.com/pricing (Sonnet 4.5), checked 2026-11-24.
CLAUDE_INPUT, CLAUDE_OUTPUT = Decimal("3.00"), Decimal("15.00")
SNAPSHOTS = {"gpt-4.1": "gpt-4.1-2025-04-14", "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14"}


def openai_price(model: str, usage: Record) -> float:
    """Dollars of a call as OpenAI charges it."""
    fresh, cached, output = (Decimal(p) for p in PRICES[model])
    read = usage["prompt_tokens_details"]["cached_tokens"]
    total = (usage["prompt_tokens"] - read) * fresh + read * cached
    return float((total + usage["completion_tokens"] * output) / 1_000_000)


def careless_price(usage: Record) -> float:
    """Dollars of a Claude call as a meter counts that knows one input price: cached input too dear."""
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    tokens = sum(usage[name] for name in names)
    return float((tokens * CLAUDE_INPUT + usage["output_tokens"] * CLAUDE_OUTPUT) / 1_000_000)


def chat_record(
    draw: random.Random, at: dt.datetime, agent: str, task: str, request: Record, answer: Record,
    usage: Record, about: Record,
) -> Record:  # fmt: skip
    """A call of OpenAI's chat completions."""
    model = request["model"]
    finish = "tool_calls" if answer.get("tool_calls") else "stop"
    response = {
        "id": f"chatcmpl-{draw.getrandbits(96):024x}", "object": "chat.completion",
        "created": int(at.timestamp()), "model": SNAPSHOTS[model],
        "choices": [{"index": 0, "message": answer, "finish_reason": finish}],
        "usage": usage, "service_tier": "default",
    }  # fmt: skip
    return _record(
        draw, at, agent, task, "openai", request, response, usage["completion_tokens"], about
    )


def messages_record(
    draw: random.Random, at: dt.datetime, agent: str, task: str, request: Record,
    content: list[Record], stop: str, usage: Record, about: Record,
) -> Record:  # fmt: skip
    """A call of Anthropic's messages."""
    response = {
        "id": f"msg_{draw.getrandbits(96):024x}", "type": "message", "role": "assistant",
        "model": request["model"], "content": content, "stop_reason": stop, "stop_sequence": None,
        "usage": usage,
    }  # fmt: skip
    return _record(
        draw, at, agent, task, "anthropic", request, response, usage["output_tokens"], about
    )


def _record(
    draw: random.Random, at: dt.datetime, agent: str, task: str, provider: str, request: Record,
    response: Record, output_tokens: int, about: Record,
) -> Record:  # fmt: skip
    return {
        "id": f"c-{draw.getrandbits(64):016x}", "session_id": about["session_id"],
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "latency_ms": float(400 + 18 * output_tokens + draw.randint(0, 300)),
        "agent": agent, "task": task, "tenant": about["tenant"], "tags": about.get("tags", ["prod"]),
        "metadata": about["metadata"], "provider": provider, "request": request,
        "response": response, "error": None,
    }  # fmt: skip
