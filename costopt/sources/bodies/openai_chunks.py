"""OpenAI's two streams: chat chunks and Responses events."""

from __future__ import annotations

from typing import Any

from costopt.sources.bodies.parts import Body, items, mapping, text

Event = dict[str, Any]


class ChatStream:
    """OpenAI chat chunks. Usage may come in a last chunk without choices, so only the file's end ends it."""

    def __init__(self) -> None:
        self._head: Event = {"object": "chat.completion"}
        self._choices: dict[int, Event] = {}
        self._usage: Any = None

    def add(self, event: Event) -> bool:
        """Take a chunk. With its usage after the finish the answer is complete."""
        for name, value in event.items():
            if name not in ("choices", "usage", "object") and value not in (None, ""):
                self._head[name] = value
        for choice in items(event.get("choices")):
            self._add_choice(mapping(choice))
        usage = event.get("usage") or mapping(event.get("x_groq")).get("usage")
        self._usage = usage or self._usage
        finished = self._choices and all(c["finish_reason"] for c in self._choices.values())
        return bool(usage and finished and not event.get("choices"))

    def _add_choice(self, choice: Body) -> None:
        index = choice.get("index")
        row = self._choices.setdefault(
            index if isinstance(index, int) else 0,
            {"finish_reason": None, "text": {}, "tool_calls": {}},
        )
        delta = mapping(choice.get("delta"))
        for name in ("content", "reasoning_content", "reasoning", "refusal"):
            piece = delta.get(name)
            if isinstance(piece, str) and piece:
                row["text"].setdefault(name, []).append(piece)
        for call in items(delta.get("tool_calls")):
            _add_call(row["tool_calls"], mapping(call))
        row["finish_reason"] = choice.get("finish_reason") or row["finish_reason"]

    def body(self) -> Event:
        """A chat.completion."""
        rows = [self._choices[i] for i in sorted(self._choices)]
        return {**self._head, "choices": [_choice(r) for r in rows], "usage": self._usage}


def _add_call(calls: dict[int, Event], piece: Body) -> None:
    index = piece.get("index")
    call = calls.setdefault(
        index if isinstance(index, int) else len(calls), {"id": "", "name": "", "arguments": []}
    )
    function = mapping(piece.get("function"))
    call["id"] = text(piece.get("id")) or call["id"]
    call["name"] = text(function.get("name")) or call["name"]
    call["arguments"].append(text(function.get("arguments")))


def _choice(row: Event) -> Event:
    message: Event = {"role": "assistant", **{n: "".join(p) for n, p in row["text"].items()}}
    calls = [
        {"id": c["id"], "function": {"name": c["name"], "arguments": "".join(c["arguments"])}}
        for _, c in sorted(row["tool_calls"].items())
    ]
    if calls:
        message["tool_calls"] = calls
    return {"message": message, "finish_reason": row["finish_reason"]}


class ResponsesStream:
    """Responses events: those with a `response` carry the whole object, the last one its usage."""

    _FINAL = ("response.completed", "response.failed", "response.incomplete", "response.cancelled")

    def __init__(self) -> None:
        self._body: Event = {"object": "response"}
        self._items: list[Any] = []

    def add(self, event: Event) -> bool:
        """Take an event; the final ones end it."""
        inner = event.get("response")
        if isinstance(inner, dict):
            usage = inner.get("usage") or self._body.get("usage")
            self._body = {**inner, "usage": usage}
        if event.get("type") == "response.output_item.done":
            self._items.append(event.get("item"))
        return event.get("type") in self._FINAL

    def body(self) -> Event:
        """The response; one that was cut has the items finished before."""
        if not self._body.get("output") and self._items:
            return {**self._body, "output": self._items}
        return self._body
