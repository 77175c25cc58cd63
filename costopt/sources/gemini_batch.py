"""Gemini batch output, of Vertex AI and of the Gemini API: one answer a line, at the batch price.

```json
{"status": "", "processed_time": "2026-01-01T00:00:00Z", "request": {"contents": []}, "response": {"usageMetadata": {}}}
{"key": "a", "response": {"usageMetadata": {}}}
```

* A line with an `error`, or with a `status` and no answer, is a failed call that cost nothing.
* Lines with a request alone are the input file, and no calls.

Fields: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/batch-prediction-from-cloud-storage and
https://ai.google.dev/gemini-api/docs/batch-api, checked 2026-11-24.
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, Skipped, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import family, read_request, read_response
from costopt.sources.bodies.build import call_of, fail
from costopt.sources.bodies.parts import Body, error_text, mapping, text, time_us
from costopt.sources.files import plain_name
from costopt.sources.lines import records, rejected


class GeminiBatch:
    """Output of a batch job."""

    name = "gemini-batch"
    title = "Gemini batch output (Vertex AI, Gemini API)"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By a Gemini body beside `status`, `processed_time` or `key`."""
        for record in head_records(head):
            if _is_row(mapping(record)):
                return Confidence.SURE, "Gemini bodies beside a batch's status or key"
        return Confidence.NO, "no Gemini body beside a batch's status or key"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a line."""
        with file.open() as stream:
            for line, value in records(stream):
                yield value if isinstance(value, Rejected) else _record(line, value, file)


def _is_row(row: Body) -> bool:
    marked = any(name in row for name in ("processed_time", "status", "key"))
    answered = family(mapping(row.get("response"))) == "gemini"
    asked = isinstance(mapping(row.get("request")).get("contents"), list)
    return marked and (answered or asked) and "session_id" not in row


def _record(line: int, value: Any, file: SourceFile) -> Record:
    row = mapping(value)
    outcome = any(row.get(name) for name in ("response", "error", "status"))
    if not outcome and isinstance(row.get("request"), dict):
        return Skipped(line, "batch request", text(row.get("key")))
    if not outcome:
        return rejected(line, "no request, no response and no error", value)
    try:
        return _call(line, row, file)
    except UsageContradiction as error:
        return rejected(line, str(error), value)


def _call(line: int, row: Body, file: SourceFile) -> Call:
    request, response = mapping(row.get("request")), mapping(row.get("response"))
    asked = read_request(request) if request else None
    call = call_of(line, asked, read_response(response) if response else None)
    call.id = text(row.get("key")) or call.id
    call.provider = "google"
    call.service_tier = "batch"
    if not call.key and call.id:
        call.key = f"{plain_name(file.name)}|{call.id}"
    call.at_us = call.at_us if call.at_us is not None else time_us(row.get("processed_time"))
    if not response or row.get("error"):
        fail(call, error_text(row.get("error")) or text(row.get("status")) or "no answer")
    return call


SOURCE = GeminiBatch()
