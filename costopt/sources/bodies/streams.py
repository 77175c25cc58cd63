"""Streamed answers put together: the chunks of one answer become the body it would have been whole.

Usage in chunks is cumulative: the last word counts. A chunk without an id belongs to the stream that is
open. An answer that never ends is a body without its counts, never one of zero tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from costopt.sources.bodies import chunks
from costopt.sources.bodies.parts import text

Event = dict[str, Any]
Whole = tuple[int, Event]
"""Line of the first chunk, and the body."""

# An id is forgotten after this many streams have begun since: memory stays bounded.
MAX_OPEN = 4096


class Stream(Protocol):
    """One answer in the making."""

    def add(self, event: Event) -> bool:
        """Take a chunk; True when the answer is complete."""
        ...

    def body(self) -> Event:
        """The answer so far, in the shape of an unstreamed one."""
        ...


class Streams:
    """All answers of a file that are open, by id or by family."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Stream]] = {}

    def feed(self, line: int, event: Event) -> list[Whole] | None:
        """None: no chunk of a stream. Else the bodies that this chunk completes, often none."""
        name = kind_of(event)
        if not name:
            return None
        if name == "nothing":
            return []
        key = self._key(name, event)
        done: list[Whole] = []
        if key in self._open and chunks.begins(name, event):
            done.append(self._close(key))
        if key not in self._open:
            if len(self._open) >= MAX_OPEN:
                done.append(self._close(next(iter(self._open))))
            self._open[key] = line, chunks.STREAMS[name]()
        if self._open[key][1].add(event):
            done.append(self._close(key))
        return done

    def end(self) -> Iterator[Whole]:
        """What was cut off: the answers still open, in the order they began."""
        while self._open:
            yield self._close(next(iter(self._open)))

    def _close(self, key: str) -> Whole:
        line, stream = self._open.pop(key)
        return line, stream.body()

    def _key(self, name: str, event: Event) -> str:
        if name in ("chat", "gemini"):
            return f"{name} {text(event.get('id') or event.get('responseId') or event.get('response_id'))}"
        if name == "ollama":
            return f"ollama {text(event.get('model'))}"
        if name == "responses":
            return self._responses_key(event)
        return name

    def _responses_key(self, event: Event) -> str:
        """Deltas name no response: they belong to the one begun last."""
        inner = event.get("response")
        if isinstance(inner, dict):
            return f"responses {text(inner.get('id'))}"
        return next((k for k in reversed(self._open) if k.startswith("responses ")), "responses ")


def kind_of(event: Event) -> str:
    """The family of a chunk; `nothing` for one that says nothing; empty for what is no chunk."""
    kind = event.get("type")
    if isinstance(kind, str) and kind:
        if kind.startswith("response."):
            return "responses"
        if kind in chunks.ANTHROPIC:
            return "anthropic"
        if kind == "ping":
            return "nothing"
    if event.get("object") == "chat.completion.chunk" or chunks.has_delta(event):
        return "chat"
    if "usage" not in event and event.get("choices") == [] and not event.get("id"):
        return "nothing"  # Azure's first chunk: filter results of the prompt
    if len(event) <= 2 and any(k in event for k in chunks.BEDROCK):
        return "bedrock"
    if "done" in event and "created_at" in event and "model" in event:
        return "ollama"
    if any(k in event for k in ("candidates", "usageMetadata", "usage_metadata", "promptFeedback")):
        return "gemini"
    return ""


def merged(events: Iterable[Any]) -> list[Event]:
    """The whole bodies of a list of chunks, as logs keep it inside one record."""
    streams = Streams()
    found: list[Event] = []
    for event in events:
        if isinstance(event, dict):
            done = streams.feed(0, event)
            found += [event] if done is None else [body for _, body in done]
    return found + [body for _, body in streams.end()]
