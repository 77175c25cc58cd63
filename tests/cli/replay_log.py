"""A small log of agents for replays: ten sessions that look something up and answer, full bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import costopt

POLICY = "version: 1\nlayers:\n  - trim_tools: {max_tokens: 60}\n"
TOOLS = [{
    "type": "function",
    "function": {"name": "search", "description": "Search the handbook.", "parameters": {
        "type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}},
}]  # fmt: skip
SYSTEM = "You answer questions about the handbook. Search first, then answer in one sentence."


def write_log(path: Path, sessions: int = 10, model: str = "gpt-4o-2024-08-06") -> Path:
    """Three calls a session: a look-up, its long result answered, a second question."""
    lines = [json.dumps(call) for s in range(sessions) for call in _session(s, model)]
    path.write_text("\n".join(lines) + "\n")
    return path


def done(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """A command's result; it must not fail."""
    ran = costopt(capsys, *arguments, "--json", "-q")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def _session(number: int, model: str) -> list[dict[str, Any]]:
    asked = {"role": "user", "content": f"How many days of leave has team {number}?"}
    query = {"name": "search", "arguments": json.dumps({"q": f"leave team {number}"})}
    called = {"id": f"call_{number}", "type": "function", "function": query}
    look = {"role": "assistant", "content": None, "tool_calls": [called]}
    found = f"Team {number} has {20 + number} days. " + "Unrelated rules follow. " * 120
    result = {"role": "tool", "tool_call_id": f"call_{number}", "content": found}
    said = {"role": "assistant", "content": f"Team {number} has {20 + number} days of leave."}
    more = {"role": "user", "content": "And in a leap year?"}
    last = {"role": "assistant", "content": "The same."}
    head = [{"role": "system", "content": SYSTEM}, asked]
    turns = [(head, look), ([*head, look, result], said), ([*head, look, result, said, more], last)]
    return [_call(number, i, model, *turn) for i, turn in enumerate(turns)]


def _call(
    session: int, step: int, model: str, messages: list[dict[str, Any]], answer: dict[str, Any]
) -> dict[str, Any]:
    size = len(json.dumps(messages)) // 4
    usage = {"prompt_tokens": size, "completion_tokens": 12, "total_tokens": size + 12}
    finish = "tool_calls" if answer.get("tool_calls") else "stop"
    return {
        "id": f"s{session}-{step}", "session_id": f"s{session}", "agent": "desk", "provider": "openai",
        "timestamp": f"2026-10-{session + 1:02}T10:0{step}:00.000Z", "latency_ms": 700.0,
        "request": {"model": model, "messages": messages, "tools": TOOLS, "temperature": 0},
        "response": {"model": model, "choices": [{"message": answer, "finish_reason": finish}],
                     "usage": usage},
    }  # fmt: skip
