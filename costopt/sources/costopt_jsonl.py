"""costopt's own call log: one JSON object a line, the provider's request and response bodies inside.

```json
{"id": "c1", "session_id": "s1", "timestamp": "2026-05-01T10:00:00Z", "agent": "planner",
 "request": {"model": "gpt-4o", "messages": []}, "response": {"id": "chatcmpl-1", "usage": {}}}
```

Read as well: lines of `{"request": ..., "response": ...}` alone, bare response bodies of every provider
(OpenAI chat and Responses, Anthropic, Gemini, Bedrock Converse, Ollama, and what is compatible), and
their streams, as lines or as server-sent events. A stream is one call.

* The tier that served the call wins: the response's, else the record's, else the request's.
* `cache_hit: true`: answered by the user's own cache; nothing was charged.
* `kind: agent | chain | tool`: a parent or a step that is no call.
* Fields may also stand in `metadata`; all of it can be asked for as `metadata.x`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, Skipped, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import family, read_request, read_response
from costopt.sources.bodies.build import body_of, call_of
from costopt.sources.bodies.native import is_no_call, native_call
from costopt.sources.bodies.parts import error_text
from costopt.sources.bodies.quick import QuickLoads
from costopt.sources.bodies.streams import Streams, kind_of
from costopt.sources.lines import records, rejected
from costopt.sources.sse import DONE, events, looks_like_sse

_OWN_FIELDS = ("session_id", "timestamp", "agent", "task", "tenant", "cost_usd", "latency_ms",
               "workflow", "cache_hit", "kind", "parent_id")  # fmt: skip
# Any of these on a request or a response makes it a provider's body.
_BODY_FIELDS = frozenset(
    ("model", "modelId", "messages", "contents", "input", "prompt", "usage", "error")
)


class CostoptJsonl:
    """The native log and bare provider bodies."""

    name = "costopt-jsonl"
    title = "costopt's own call log, and bare provider responses"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """Sure of its own records and of event streams; likely for bare bodies."""
        if looks_like_sse(head):
            return Confidence.SURE, "server-sent events of a model's answer"
        found = [r for r in head_records(head) if isinstance(r, dict)]
        if not found:
            return Confidence.NO, "no JSON object at the start"
        return max((_sniffed(r) for r in found), key=lambda said: said[0])

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Stream the calls; of a streamed answer one, when it is complete."""
        with file.open() as stream:
            start = Head(file.name, stream.peek(4096) if hasattr(stream, "peek") else b"", True)
            parsed = events(stream) if looks_like_sse(start) else records(stream, QuickLoads())
            open_streams = Streams()
            for line, value in parsed:
                if type(value) is Call:
                    value.source_line = line
                    yield value
                elif type(value) is dict and type(value.get("request")) is dict:
                    yield _native(line, value)
                else:
                    yield from _other(line, value, open_streams)
            for line, body in open_streams.end():
                yield _bare(line, body)


def _sniffed(record: dict[str, Any]) -> tuple[Confidence, str]:
    if isinstance(record.get("request"), dict) and isinstance(
        record.get("response"), dict | list | str | None
    ):
        if _bodies_inside(record):
            return Confidence.NO, "request and response hold their bodies one level deeper"
        own = [name for name in _OWN_FIELDS if name in record]
        if own and "request_body" not in record:
            return Confidence.SURE, f"request and response bodies with {', '.join(own[:3])}"
        return Confidence.LIKELY, "request and response bodies"
    answer = body_of(record.get("response"))
    if answer and not _is_event(record) and (family(answer) or _counted(answer)):
        return Confidence.LIKELY, "a response body beside a log's own fields"
    return _sniffed_bare(record)


def _counted(body: dict[str, Any]) -> bool:
    """Token counts stand in its `usage`, whichever way they are spelled."""
    counts = body.get("usage")
    return isinstance(counts, dict) and any("tok" in str(name).lower() for name in counts)


def _sniffed_bare(record: dict[str, Any]) -> tuple[Confidence, str]:
    if kind_of(record) not in ("", "nothing"):
        return Confidence.LIKELY, "chunks of a streamed answer"
    if record.get("object") in ("chat.completion", "text_completion", "response"):
        return Confidence.LIKELY, f"a bare response body ({record['object']})"
    found = family(record)
    if found:
        return Confidence.LIKELY, f"a bare response body ({found})"
    if error_text(record.get("error")) and len(record) <= 4:
        return Confidence.WEAK, "an error body alone"
    if isinstance(record.get("messages"), list) and "model" in record:
        return Confidence.WEAK, "a request body alone"
    if "model" in record and _counted(record):
        return Confidence.WEAK, "a model and a usage object"
    if is_no_call(record) and any(name in record for name in _OWN_FIELDS[:2]):
        return Confidence.WEAK, "a step that is no call"
    return Confidence.NO, "neither request and response bodies nor a response with usage"


def _holds_answer(record: dict[str, Any]) -> bool:
    return "response" in record and "done" not in record and not _is_event(record)


def _is_event(record: dict[str, Any]) -> bool:
    """A chunk of the Responses API carries a whole response as well."""
    kind = record.get("type")
    return isinstance(kind, str) and kind.startswith("response.")


def _bodies_inside(record: dict[str, Any]) -> bool:
    """Request and response are another tool's envelopes (`{"body": {...}}`), no provider's bodies."""
    sides = (record, record["request"], body_of(record.get("response")) or {})
    named = any(not _BODY_FIELDS.isdisjoint(side) or family(side) for side in sides)
    return not named and any("body" in side for side in sides[1:])


def _native(line: int, record: dict[str, Any]) -> Record:
    try:
        return native_call(line, record)
    except UsageContradiction as error:
        return rejected(line, str(error), record)


def _other(line: int, value: Any, open_streams: Streams) -> Iterator[Record]:
    """Anything but the usual record: a chunk, a bare body, a refusal."""
    if isinstance(value, Rejected):
        yield value
    elif not isinstance(value, dict):
        yield rejected(line, f"a {type(value).__name__}, not an object", value)
    elif value is DONE:
        yield from (_bare(at, body) for at, body in open_streams.end())
    elif "request" in value or is_no_call(value) or _holds_answer(value):
        yield _native(line, value)
    else:
        done = open_streams.feed(line, value)
        if done is None:
            yield _bare(line, value)
        else:
            yield from (_bare(at, body) for at, body in done)


def _bare(line: int, body: dict[str, Any]) -> Record:
    """A response body that stands alone; the log's own fields may stand on it too."""
    try:
        if not family(body) and not isinstance(body.get("usage"), dict):
            return _no_call(line, body)
        if any(name in body for name in _OWN_FIELDS):
            return native_call(line, {**_around(body), "response": body})
        return call_of(line, None, read_response(body))
    except UsageContradiction as error:
        return rejected(line, str(error), body)


def _around(body: dict[str, Any]) -> dict[str, Any]:
    """The log's fields of a body that carries them itself; what is the body's own stays inside."""
    own = {n: v for n, v in body.items() if n not in ("usage", "metadata", "error", "id", "model")}
    if isinstance(body.get("messages"), list):
        own["request"] = body
    return own


def _no_call(line: int, body: dict[str, Any]) -> Record:
    if body.get("error"):
        return call_of(line, None, read_response(body))
    if body.get("object") in ("batch", "page", "list"):
        return Skipped(line, str(body["object"]))
    if body.get("kind") or isinstance(body.get("data"), list):
        return Skipped(line, str(body.get("kind") or "aggregate"))
    if read_request(body).has_content:
        return Skipped(line, "request without its answer")
    return rejected(line, "no request, no response and no usage in this record", body)


SOURCE = CostoptJsonl()
