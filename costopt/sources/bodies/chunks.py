"""What the chunks of each provider add to the answer they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from costopt.sources.bodies.gemini import either
from costopt.sources.bodies.openai_chunks import ChatStream, ResponsesStream
from costopt.sources.bodies.parts import Body, items, mapping, text

Event = dict[str, Any]

ANTHROPIC = frozenset(
    ("message_start", "content_block_start", "content_block_delta", "content_block_stop",
     "message_delta", "message_stop")
)  # fmt: skip
BEDROCK = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop",
           "messageStop", "metadata")  # fmt: skip


def has_delta(event: Body) -> bool:
    """Some compatible servers leave `object` out."""
    choices = items(event.get("choices"))
    return bool(choices) and isinstance(mapping(choices[0]).get("delta"), dict)


def begins(name: str, event: Body) -> bool:
    """True for a chunk that can only be a stream's first: the one before it was cut."""
    return event.get("type") == "message_start" or (name == "bedrock" and "messageStart" in event)


class AnthropicStream:
    """Messages events: message_start opens, message_delta replaces counts, message_stop ends."""

    def __init__(self) -> None:
        self._body: Event = {"type": "message", "role": "assistant"}
        self._blocks: dict[int, Event] = {}
        self._pieces: dict[int, list[str]] = {}
        self._usage: Event = {}
        self._complete = False

    def add(self, event: Event) -> bool:
        """Take an event; message_stop ends it."""
        kind = event.get("type")
        told = event.get("index")
        index = told if isinstance(told, int) else 0
        if kind == "message_start":
            message = mapping(event.get("message"))
            self._body = {**self._body, **message}
            self._usage = dict(mapping(message.get("usage")))
        elif kind == "content_block_start":
            self._blocks[index] = dict(mapping(event.get("content_block")))
        elif kind == "content_block_delta":
            self._add_delta(index, mapping(event.get("delta")))
        elif kind == "message_delta":
            self._complete = True
            self._body.update(mapping(event.get("delta")))
            self._replace(mapping(event.get("usage")))
        return kind == "message_stop"

    def _add_delta(self, index: int, delta: Body) -> None:
        block = self._blocks.setdefault(index, {"type": "text"})
        for name, field in (("text", "text"), ("thinking", "thinking"), ("partial_json", "input")):
            piece = delta.get(name)
            if isinstance(piece, str):
                block["\0"] = field
                self._pieces.setdefault(index, []).append(piece)

    def _replace(self, usage: Body) -> None:
        """Counts of the delta are cumulative and have no split by lifetime: the first one's stays."""
        told = {n: v for n, v in usage.items() if v is not None}
        before = self._usage.get("cache_creation_input_tokens")
        after = told.get("cache_creation_input_tokens", before)
        split = self._usage.get("cache_creation")
        if after != before and "cache_creation" not in told and isinstance(split, dict):
            told["cache_creation"] = _grown(split, after)
        self._usage.update(told)

    def body(self) -> Event:
        """The message. A cut one keeps the counts it began with."""
        blocks = [self._block(i) for i in sorted(self._blocks)]
        return {**self._body, "content": blocks, "usage": self._usage or None}

    def _block(self, index: int) -> Event:
        block = dict(self._blocks[index])
        field = block.pop("\0", None)
        if field:
            block[field] = "".join(self._pieces[index])
        return block


def _grown(split: Body, total: Any) -> Event:
    """Writes grew during the answer: with one lifetime in use they are all of it, else as they stood."""
    used = [name for name, value in split.items() if value]
    return {used[0]: total} if len(used) == 1 else dict(split) if used else {}


class GeminiStream:
    """Gemini chunks: whole bodies with a piece of the text each, and cumulative usage."""

    def __init__(self) -> None:
        self._body: Event = {}
        self._parts: list[Event] = []
        self._finish = ""

    def add(self, event: Event) -> bool:
        """Take a chunk; a finish reason or a block ends it."""
        self._body.update({n: v for n, v in event.items() if n != "candidates" and v is not None})
        for candidate in items(event.get("candidates")):
            candidate = mapping(candidate)
            for part in items(mapping(candidate.get("content")).get("parts")):
                self._add_part(part)
            self._finish = text(either(candidate, "finishReason")) or self._finish
            if "groundingMetadata" in candidate:
                self._body["\0grounding"] = candidate["groundingMetadata"]
        blocked = either(mapping(either(event, "promptFeedback")), "blockReason")
        return bool(self._finish or blocked)

    def _add_part(self, part: Any) -> None:
        if not isinstance(part, dict):
            return
        last = self._parts[-1] if self._parts else {}
        both_text = isinstance(part.get("text"), str) and isinstance(last.get("text"), str)
        if both_text and last.get("thought") == part.get("thought"):
            last["text"] += part["text"]
        else:
            self._parts.append(dict(part))

    def body(self) -> Event:
        """A GenerateContentResponse with one candidate."""
        body = dict(self._body)
        candidate = {
            "content": {"role": "model", "parts": self._parts},
            "finishReason": self._finish,
        }
        if "\0grounding" in body:
            candidate["groundingMetadata"] = body.pop("\0grounding")
        return {**body, "candidates": [candidate]} if self._parts or self._finish else body


class OllamaStream:
    """Ollama lines: pieces of text, and one last line with the counts."""

    def __init__(self) -> None:
        self._body: Event = {}
        self._pieces: dict[str, list[str]] = {"content": [], "thinking": [], "response": []}
        self._calls: list[Any] = []

    def add(self, event: Event) -> bool:
        """Take a line; `done` ends it."""
        said = mapping(event.get("message"))
        for name, where in (("content", said), ("thinking", said), ("response", event)):
            if isinstance(where.get(name), str):
                self._pieces[name].append(where[name])
        self._calls += items(said.get("tool_calls"))
        self._body = {**event, "message": said or self._body.get("message")}
        return event.get("done") is True

    def body(self) -> Event:
        """The last line with the whole text."""
        body, words = dict(self._body), {n: "".join(p) for n, p in self._pieces.items()}
        if isinstance(body.get("message"), dict):
            calls = {"tool_calls": self._calls} if self._calls else {}
            body["message"] = {
                "role": "assistant",
                **{n: w for n, w in words.items() if w},
                **calls,
            }
        else:
            body.update(response=words["response"], message=None)
        return body


class BedrockStream:
    """ConverseStream events: usage stands only in the last one, `metadata`."""

    def __init__(self) -> None:
        self._body: Event = {}
        self._blocks: dict[int, Event] = {}

    def add(self, event: Event) -> bool:
        """Take an event; metadata ends it."""
        self._body["stopReason"] = mapping(event.get("messageStop")).get(
            "stopReason", self._body.get("stopReason")
        )
        self._add_block(mapping(event.get("contentBlockStart")), "start")
        self._add_block(mapping(event.get("contentBlockDelta")), "delta")
        self._body.update(mapping(event.get("metadata")))
        return "metadata" in event

    def _add_block(self, event: Body, name: str) -> None:
        piece, index = mapping(event.get(name)), event.get("contentBlockIndex")
        block = self._blocks.setdefault(index if isinstance(index, int) else 0, {}) if piece else {}
        use = mapping(piece.get("toolUse"))
        if isinstance(piece.get("text"), str):
            block["text"] = block.get("text", "") + piece["text"]
        if use:
            before = block.setdefault("toolUse", {"input": ""})
            told = {n: use[n] for n in ("toolUseId", "name") if n in use}
            block["toolUse"] = {**before, **told, "input": before["input"] + text(use.get("input"))}
        thought = mapping(piece.get("reasoningContent"))
        if isinstance(thought.get("text"), str):
            old = mapping(mapping(block.get("reasoningContent")).get("reasoningText"))
            words = text(old.get("text")) + thought["text"]
            block["reasoningContent"] = {"reasoningText": {"text": words}}

    def body(self) -> Event:
        """A Converse response."""
        blocks = [self._blocks[i] for i in sorted(self._blocks)]
        return {**self._body, "output": {"message": {"role": "assistant", "content": blocks}}}


STREAMS: dict[str, Callable[[], Any]] = {
    "chat": ChatStream, "responses": ResponsesStream, "anthropic": AnthropicStream,
    "gemini": GeminiStream, "ollama": OllamaStream, "bedrock": BedrockStream,
}  # fmt: skip
