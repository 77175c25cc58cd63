"""A request as Anthropic Messages.

From the logged request it may differ in this: what one side says in a row is one message, results of tools
first; ids of tool calls are ours; whether a result was an error is not said; a later system message is the
user's; blocks of white space alone, which the API refuses, are not sent. Earlier thinking is never sent,
for logs keep no signatures; calls that need it are not built (`replay.sendable`). Where the log holds calls
of tools and no schemas, the tools are declared by name alone. What has no place here is left out, and named
by `left_out`. Fields: https://docs.anthropic.com/en/api/messages (checked 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.endpoints.wire.parameters import common
from costopt.endpoints.wire.tools import anthropic_tool
from costopt.endpoints.wire.turns import marked, parsed, turns
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Request, settings_of

_S = SegmentKind
LIMIT_TOKENS = 4096
"""Where neither log nor plan caps the answer: the API demands a cap, and every model since Claude 3 takes
this one (https://docs.anthropic.com/en/docs/about-claude/models/overview, checked 2026-11-25)."""
LEAST_THINKING = 1024
"""https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking, checked 2026-11-25: the least
budget; it must lie below the cap."""
_NATIVE = ("top_p", "top_k")


def body(request: Request, *, stream: bool) -> dict[str, Any]:
    """The body of `POST /v1/messages`."""
    return _written(request, stream)[0]


def left_out(request: Request) -> list[str]:
    """What of the request the API is not sent."""
    return _written(request, False)[1]


def _written(request: Request, stream: bool) -> tuple[dict[str, Any], list[str]]:
    dropped: list[str] = []
    out: dict[str, Any] = {
        "model": request.model,
        "max_tokens": LIMIT_TOKENS if request.limit_tokens is None else request.limit_tokens,
    }  # fmt: skip
    front, rest = _front(request.blocks)
    tools = _tools(request.blocks, dropped)
    if tools:
        out["tools"] = tools
    if front:
        out["system"] = _system(front)
    out["messages"] = _messages(rest, dropped)
    if request.temperature is not None:
        if request.temperature <= 1:
            out["temperature"] = request.temperature
        else:
            dropped.append("temperature above 1")
    _parameters(out, common(settings_of(request)), dropped)
    if request.service_tier == "priority":
        out["service_tier"] = "auto"
    if stream:
        out["stream"] = True
    return out, dropped


def _front(blocks: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """System blocks before the first message, and the messages."""
    said = [b for b in blocks if b.kind != _S.TOOLS]
    size = next((i for i, b in enumerate(said) if b.kind != _S.SYSTEM), len(said))
    return [b for b in said[:size] if b.text.strip()], said[size:]


def _system(front: list[Block]) -> str | list[dict[str, Any]]:
    if len(front) == 1 and not front[0].breakpoint:
        return front[0].text
    return [marked({"type": "text", "text": b.text}, b) for b in front]


def _tools(blocks: Sequence[Block], dropped: list[str]) -> list[dict[str, Any]]:
    found = []
    for block in blocks:
        if block.kind == _S.TOOLS:
            tool = anthropic_tool(block.text)
            if tool is None:
                dropped.append(f"tool {block.name}")
            else:
                found.append(marked(tool, block))
    used = {b.name: None for b in blocks if b.kind == _S.TOOL_CALL}
    if found or not used:
        return found
    # The API refuses calls of tools that nobody declares, and a log without schemas has no better ones.
    dropped.append("tool schemas (the log keeps none)")
    return [{"name": name, "input_schema": {"type": "object"}} for name in used]


def _messages(blocks: Sequence[Block], dropped: list[str]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for role, turn in turns(_as_users(blocks), results_are_users=True):
        parts = [part for part in (_part(b, dropped) for b in turn) if part is not None]
        if not parts:
            continue
        if out and out[-1]["role"] == role:  # what stood between was not sent
            out[-1]["content"] += parts
        else:
            out.append({"role": role, "content": parts})
    for message in out:
        only = message["content"][0]
        if len(message["content"]) == 1 and only.keys() == {"type", "text"}:
            message["content"] = only["text"]
    return out


def _as_users(blocks: Sequence[Block]) -> list[Block]:
    """Messages have two sides: a later system block is the user's."""
    return [
        Block(_S.USER, b.text, breakpoint=b.breakpoint) if b.kind == _S.SYSTEM else b
        for b in blocks
    ]


def _part(block: Block, dropped: list[str]) -> dict[str, Any] | None:
    if block.kind == _S.TOOL_CALL:
        use = {"type": "tool_use", "id": block.call_id, "name": block.name, "input": _input(block)}
        return marked(use, block)
    if block.kind == _S.TOOL_RESULT:
        result = {"type": "tool_result", "tool_use_id": block.call_id, "content": block.text}
        return marked(result, block)
    if block.kind == _S.REASONING:
        if "reasoning" not in dropped:
            dropped.append("reasoning")
        return None
    if not block.text.strip():
        return None
    if block.kind == _S.FILE:
        source = {"type": "text", "media_type": "text/plain", "data": block.text}
        return marked({"type": "document", "source": source}, block)
    return marked({"type": "text", "text": block.text}, block)


def _input(block: Block) -> dict[str, Any]:
    """Arguments must be an object: other ones go inside one."""
    found = parsed(block.text)
    return found if isinstance(found, dict) else {"input": block.text if found is None else found}


def _parameters(out: dict[str, Any], told: dict[str, Any], dropped: list[str]) -> None:
    for name, value in told.items():
        if name in _NATIVE:
            out[name] = value
        elif name == "stop":
            stops = [value] if isinstance(value, str) else value
            out["stop_sequences"] = [s for s in stops if isinstance(s, str) and s.strip()]
        elif name == "thinking" and isinstance(value, dict):
            out["thinking"] = _thinking(value, out["max_tokens"], dropped)
        elif name == "output_config" and isinstance(value, dict):
            out["output_config"] = {**out.get("output_config", {}), **value}
        elif name == "response_format" and _schema_of(value) is not None:
            form = {"type": "json_schema", "schema": _schema_of(value)}
            out["output_config"] = {**out.get("output_config", {}), "format": form}
        elif name not in ("tool_choice", "parallel_tool_calls"):
            dropped.append(name)
    if "tools" in out:
        _tool_choice(out, told, dropped)


def _thinking(value: dict[str, Any], limit: int, dropped: list[str]) -> dict[str, Any]:
    """A budget must lie below the cap: where the plan's cap is lower, so is the budget."""
    budget = value.get("budget_tokens")
    if not isinstance(budget, int) or budget < limit:
        return value
    dropped.append("a part of thinking.budget_tokens")
    return {**value, "budget_tokens": max(LEAST_THINKING, limit - 1)}


def _schema_of(form: Any) -> dict[str, Any] | None:
    inner = form.get("json_schema") if isinstance(form, dict) else None
    schema = inner.get("schema") if isinstance(inner, dict) else None
    return schema if isinstance(schema, dict) else None


_CHOICES = {"auto": "auto", "required": "any", "none": "none"}


def _tool_choice(out: dict[str, Any], told: dict[str, Any], dropped: list[str]) -> None:
    choice, found = told.get("tool_choice"), dict[str, Any]()
    inner = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(choice, str) and choice in _CHOICES:
        found = {"type": _CHOICES[choice]}
    elif isinstance(inner, dict):
        found = {"type": "tool", "name": inner.get("name")}
    elif choice is not None:
        dropped.append("tool_choice")
    if told.get("parallel_tool_calls") is False and found.get("type") != "none":
        found = {"type": "auto", **found, "disable_parallel_tool_use": True}
    if found:
        out["tool_choice"] = found
