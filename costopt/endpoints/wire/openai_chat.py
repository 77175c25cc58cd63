"""A request as OpenAI chat completions, and as the servers that speak their language.

From the logged request it may differ in this: neighbours of one role are one message; ids of tool calls
are ours; arguments of tool calls are compact JSON with sorted keys; `developer` is `system`; results stand
right behind their calls; a text behind a tool call of the same turn stands before it; calls of the
Responses API and of other providers take chat's form. Earlier reasoning goes back only to a server that has
a field for it. What the server does not take is left out, and named by `left_out`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from costopt.endpoints.wire.dialect import OPENAI, Dialect
from costopt.endpoints.wire.parameters import common
from costopt.endpoints.wire.tools import openai_tool
from costopt.endpoints.wire.turns import ASSISTANT, TOOL, marked, turns
from costopt.model.call import SegmentKind
from costopt.model.exchange import Block, Request, settings_of

_S = SegmentKind
_TIERS = ("flex", "priority")
_OF_TOOLS = ("tool_choice", "parallel_tool_calls")


def body(request: Request, *, stream: bool, dialect: Dialect = OPENAI) -> dict[str, Any]:
    """The body of `POST /chat/completions`."""
    return _written(request, stream, dialect)[0]


def left_out(request: Request, dialect: Dialect = OPENAI) -> list[str]:
    """What of the request this server is not sent."""
    return _written(request, False, dialect)[1]


def _written(request: Request, stream: bool, dialect: Dialect) -> tuple[dict[str, Any], list[str]]:
    dropped: list[str] = []
    if "claude" in request.model and dialect.parts:  # a gateway hands Anthropic's marks on
        dialect = replace(dialect, cache_marks=True)
    out: dict[str, Any] = {
        "model": request.model, "messages": _messages(request.blocks, dialect, dropped),
    }  # fmt: skip
    tools = _tools(request.blocks, dialect, dropped)
    if tools:
        out["tools"] = tools
    if request.limit_tokens is not None:
        out[dialect.limit] = request.limit_tokens
    if request.temperature is not None:
        out["temperature"] = request.temperature
    for name, value in common(settings_of(request)).items():
        if name not in dialect.parameters:
            dropped.append(name)
        elif tools or name not in _OF_TOOLS:
            out[name] = value
    _account(out, request, dialect)
    if stream:
        out["stream"] = True
        if dialect.stream_usage:
            out["stream_options"] = {"include_usage": True}
    return out, dropped


def _account(out: dict[str, Any], request: Request, dialect: Dialect) -> None:
    """Tier and cache key, which change the bill and not the answer."""
    if dialect.service_tier and request.service_tier in _TIERS:
        out["service_tier"] = request.service_tier
    if dialect.cache_key and request.prompt_cache_key:
        out["prompt_cache_key"] = request.prompt_cache_key


def _tools(blocks: Sequence[Block], dialect: Dialect, dropped: list[str]) -> list[dict[str, Any]]:
    found = []
    for block in blocks:
        if block.kind == _S.TOOLS:
            tool = openai_tool(block.text)
            if tool is None:
                dropped.append(f"tool {block.name}")
            else:
                found.append(marked(tool, block) if dialect.cache_marks else tool)
    if not found and any(b.kind == _S.TOOL_CALL for b in blocks):
        dropped.append("tool schemas (the log keeps none)")
    return found


def _messages(
    blocks: Sequence[Block], dialect: Dialect, dropped: list[str]
) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for role, turn in turns(blocks):
        if role == TOOL:
            out += [
                {"role": TOOL, "tool_call_id": b.call_id, "content": _content([b], dialect)}
                for b in turn
            ]
        elif role == ASSISTANT:
            _assistant(out, turn, dialect, dropped)
        else:
            out += [{"role": role, "content": content} for content in _contents(turn, dialect)]
    return out


def _assistant(
    out: list[dict[str, Any]], turn: list[Block], dialect: Dialect, dropped: list[str]
) -> None:
    said = [b for b in turn if b.kind == _S.ASSISTANT and b.text]
    thought = [b.text for b in turn if b.kind == _S.REASONING and b.text]
    calls = [b for b in turn if b.kind == _S.TOOL_CALL]
    message: dict[str, Any] = {"role": ASSISTANT}
    if thought and dialect.reasoning:
        message[dialect.reasoning] = "\n".join(thought)
    elif thought and "reasoning" not in dropped:
        dropped.append("reasoning")
    contents = _contents(said, dialect)
    out += [{"role": ASSISTANT, "content": content} for content in contents[:-1]]
    if contents:
        message["content"] = contents[-1]
    if calls:
        message.setdefault("content", None)
        message["tool_calls"] = [
            {"id": b.call_id, "type": "function", "function": {"name": b.name, "arguments": b.text}}
            for b in calls
        ]
    if len(message) > 1:
        out.append(message)


def _contents(turn: Sequence[Block], dialect: Dialect) -> list[Any]:
    """One content for the turn, or one for each block where a server takes text alone."""
    shown = [b for b in turn if b.text]
    if not dialect.parts:
        return [b.text for b in shown]
    return [_content(shown, dialect)] if shown else []


def _content(turn: Sequence[Block], dialect: Dialect) -> str | list[dict[str, Any]]:
    """Plain text for one block; parts for several, and for one that carries a cache mark."""
    if len(turn) == 1 and not (dialect.cache_marks and turn[0].breakpoint):
        return turn[0].text
    parts: list[dict[str, Any]] = [{"type": "text", "text": b.text} for b in turn]
    if dialect.cache_marks:
        parts = [marked(part, b) for part, b in zip(parts, turn, strict=True)]
    return parts
