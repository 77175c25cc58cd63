"""A made-up log in the native format: sessions of several agents, every state that a call can be in."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

Row = dict[str, Any]
MODELS = (
    ("openai", "gpt-4o-mini"), ("openai", "gpt-5-2025-08-07"), ("openai", "o3-2025-04-16"),
    ("anthropic", "claude-sonnet-4-5"), ("google", "gemini-2.5-pro"),
)  # fmt: skip
AGENTS = ("planner", "searcher", "writer", "")
_FAILED, _GATEWAY, _SILENT, _UNHEARD_OF = 0.04, 0.08, 0.12, 0.16


def rows(seed: int = 1, sessions: int = 12, steps: int = 5) -> list[Row]:
    """Calls in the order they were made; a few failed, cached, without usage, without a price."""
    chance = random.Random(seed)
    out = []
    for session in range(sessions):
        provider, model = MODELS[session % len(MODELS)]
        agent = AGENTS[session % len(AGENTS)]
        said: list[Row] = [
            {"role": "system", "content": f"You are the {agent or 'nameless'} agent. " * 40},
            {"role": "user", "content": f"Question {session}: what became of order {session * 7}?"},
        ]
        for step in range(steps):
            out.append(_call(chance, session, step, provider, model, agent, said))
            said = [*said, {"role": "assistant", "content": f"Step {step} of {session} is done."},
                    {"role": "user", "content": f"Go on with {step + 1}."}]  # fmt: skip
    return out


def _call(
    chance: random.Random, session: int, step: int, provider: str, model: str, agent: str,
    said: list[Row],
) -> Row:  # fmt: skip
    id, way = f"call-{session}-{step}", chance.random()
    row: Row = {
        "id": id, "session_id": f"s{session}", "agent": agent, "task": f"t{session % 3}",
        "timestamp": f"2026-05-{1 + session % 4:02d}T{session:02d}:{step * 3:02d}:00Z",
        "provider": provider, "latency_ms": 500 + chance.randrange(2000),
        "request": {"model": model, "messages": said, "max_tokens": 900},
        "response": _answer(chance, provider, model, id, step),
    }  # fmt: skip
    if way < _FAILED:
        row |= {"response": None, "error": {"type": "rate_limit_error", "message": "slow down"}}
    elif way < _GATEWAY:
        row["cache_hit"] = True
    elif way < _SILENT:
        row["response"] = {k: v for k, v in row["response"].items() if "sage" not in k}
    elif way < _UNHEARD_OF:
        row["request"] = row["request"] | {"model": "unheard-of-1"}
        row["response"] = row["response"] | {"model": "unheard-of-1", "modelVersion": ""}
    return row


def _answer(chance: random.Random, provider: str, model: str, id: str, step: int) -> Row:
    fresh, out = 900 + chance.randrange(4000), 20 + chance.randrange(700)
    read = 128 * chance.randrange(20) if step else 0
    words = f"Step {step} is done."
    if provider == "anthropic":
        usage = {"input_tokens": fresh, "cache_read_input_tokens": read, "output_tokens": out,
                 "cache_creation_input_tokens": 0 if step else 1500}  # fmt: skip
        return {
            "id": f"msg_{id}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": words}],
            "stop_reason": "end_turn",
            "usage": usage,
        }
    if provider == "google":
        counts = {"promptTokenCount": fresh + read, "cachedContentTokenCount": read,
                  "candidatesTokenCount": out, "thoughtsTokenCount": 64,
                  "totalTokenCount": fresh + read + out + 64}  # fmt: skip
        part = {"content": {"role": "model", "parts": [{"text": words}]}, "finishReason": "STOP"}
        return {"responseId": f"gem-{id}", "modelVersion": model, "candidates": [part],
                "usageMetadata": counts}  # fmt: skip
    usage = {"prompt_tokens": fresh + read, "completion_tokens": out, "total_tokens": fresh + read + out,
             "prompt_tokens_details": {"cached_tokens": read},
             "completion_tokens_details": {"reasoning_tokens": out // 3}}  # fmt: skip
    message = {"role": "assistant", "content": words}
    return {"id": f"chatcmpl-{id}", "object": "chat.completion", "model": model, "usage": usage,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip


def lines(found: list[Row]) -> list[bytes]:
    """The records as a file's lines."""
    return [json.dumps(row).encode() + b"\n" for row in found]


def written(path: Path, found: list[Row]) -> Path:
    """The records as a file."""
    path.write_bytes(b"".join(lines(found)))
    return path
