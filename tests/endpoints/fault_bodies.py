"""The fault server's answers as OpenAI and Anthropic write them, whole and as events."""

from __future__ import annotations

import json
from typing import Any

from tests.endpoints.behaviour import Behaviour
from tests.endpoints.fault_answers import Counts, Prompt, Said

Event = dict[str, Any]
ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def chat_usage(n: Counts, how: Behaviour) -> Event:
    usage: Event = {"prompt_tokens": n.input, "completion_tokens": n.output,
                    "total_tokens": n.input + n.output}  # fmt: skip
    if how.cache != "off":
        usage["prompt_tokens_details"] = {"cached_tokens": n.read}
    return usage


def messages_usage(n: Counts) -> Event:
    return {
        "input_tokens": n.input - n.read - n.write, "cache_read_input_tokens": n.read,
        "cache_creation_input_tokens": n.write, "output_tokens": n.output,
    }  # fmt: skip


def chat(id: str, prompt: Prompt, said: Said, usage: Event | None) -> Event:
    """A chat.completion."""
    message: Event = {"role": "assistant", "content": said.text or None}
    if said.tool:
        function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
        message["tool_calls"] = [{"id": f"call_{id}", "type": "function", "function": function}]
    choice = {"index": 0, "message": message, "finish_reason": said.finish}
    body = {"id": id, "object": "chat.completion", "created": 1790000000, "model": prompt.model,
            "choices": [choice]}  # fmt: skip
    return body if usage is None else {**body, "usage": usage}


def chat_events(id: str, prompt: Prompt, said: Said, usage: Event | None) -> list[Event]:
    """The same in chunks, the usage in a last one without choices."""
    head = {"id": id, "object": "chat.completion.chunk", "created": 1790000000,
            "model": prompt.model}  # fmt: skip

    def chunk(delta: Event, finish: str | None = None) -> Event:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": piece}) for piece in pieces(said.text)]
    if said.tool:
        call: Event = {"index": 0, "id": f"call_{id}", "type": "function"}
        events.append(
            chunk({"tool_calls": [{**call, "function": {"name": said.tool, "arguments": ""}}]})
        )
        events += [
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            for piece in pieces(json.dumps(said.arguments))
        ]
    events.append(chunk({}, said.finish))
    return events if usage is None else [*events, {**head, "choices": [], "usage": usage}]


def pieces(text: str) -> list[str]:
    """Words with the space in front of them."""
    words = text.split(" ")
    return [w if i == 0 else f" {w}" for i, w in enumerate(words)] if text else []


def message(id: str, prompt: Prompt, said: Said, usage: Event | None) -> Event:
    """An Anthropic message."""
    content: list[Event] = [{"type": "text", "text": said.text}] if said.text else []
    if said.tool:
        content.append({"type": "tool_use", "id": f"toolu_{id}", "name": said.tool,
                        "input": said.arguments})  # fmt: skip
    body = {"id": id, "type": "message", "role": "assistant", "model": prompt.model,
            "content": content, "stop_reason": ANTHROPIC_FINISH[said.finish]}  # fmt: skip
    return body if usage is None else {**body, "usage": usage}


def message_events(id: str, prompt: Prompt, said: Said, usage: Event | None) -> list[Event]:
    """The same as events."""
    begun = {"id": id, "type": "message", "role": "assistant", "model": prompt.model, "content": [],
             "usage": {**(usage or {}), "output_tokens": 1}}  # fmt: skip
    events: list[Event] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    block: Event = {"type": "text", "text": ""}
    deltas = [{"type": "text_delta", "text": p} for p in pieces(said.text)]
    if said.tool:
        block = {"type": "tool_use", "id": f"toolu_{id}", "name": said.tool, "input": {}}
        told = pieces(json.dumps(said.arguments))
        deltas = [{"type": "input_json_delta", "partial_json": p} for p in told]
    events.append({"type": "content_block_start", "index": 0, "content_block": block})
    events += [{"type": "content_block_delta", "index": 0, "delta": d} for d in deltas]
    events.append({"type": "content_block_stop", "index": 0})
    ended = {"stop_reason": ANTHROPIC_FINISH[said.finish]}
    events.append({"type": "message_delta", "delta": ended, "usage": usage or {}})
    return [*events, {"type": "message_stop"}]


def error(kind: str, message: str, anthropic: bool, code: str | None = None) -> Event:
    """An error's body in either language."""
    inner: Event = {"type": kind, "message": message}
    return {"type": "error", "error": inner} if anthropic else {"error": {**inner, "code": code}}
