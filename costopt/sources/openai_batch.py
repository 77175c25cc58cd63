"""OpenAI batch files: the output file and the error file are the calls, at the batch price.

```json
{"id": "batch_req_1", "custom_id": "a", "response": {"status_code": 200, "body": {"id": "chatcmpl-1"}}, "error": null}
```

* Lines of the input file are no calls; where it lies beside the output, requests are joined by `custom_id`.
* A refused or expired line is a failed call that cost nothing.
* The batch object (`batch.json`) is a sum of the same calls, and is not added.

Fields: openai-python `types/batch.py` and the batch guide
(https://platform.openai.com/docs/guides/batch, checked 2026-11-24). Azure writes the same lines.
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from costopt.model.call import Call, Record, Rejected, Skipped, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources._neighbours import BatchRequests
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response
from costopt.sources.bodies.build import call_of, fail
from costopt.sources.bodies.parts import error_text, mapping, text, whole
from costopt.sources.files import plain_name
from costopt.sources.lines import records, rejected


class OpenAIBatch:
    """Batch input, output and error files."""

    name = "openai-batch"
    title = "OpenAI batch output"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the shape of a line."""
        for record in head_records(head):
            record = mapping(record)
            if "custom_id" in record and ("response" in record or _input_body(record)):
                return Confidence.SURE, "lines with custom_id and a response or a body"
            if record.get("object") == "batch" and "input_file_id" in record:
                return Confidence.SURE, "a batch object"
        return Confidence.NO, "no line with custom_id and response"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a line of an output or error file."""
        requests = BatchRequests(file.path, _input_body)
        with file.open() as stream:
            for line, value in records(stream):
                yield value if isinstance(value, Rejected) else _record(line, value, file, requests)


def _input_body(row: Mapping[str, Any]) -> dict[str, Any] | None:
    body = row.get("body")
    return body if isinstance(body, dict) and "url" in row else None


def _record(line: int, value: Any, file: SourceFile, requests: BatchRequests) -> Record:
    row = mapping(value)
    if row.get("object") == "batch":
        return Skipped(line, "batch", text(row.get("id")))
    if "custom_id" not in row:
        return rejected(line, "no custom_id", value)
    if _input_body(row) is not None and "response" not in row:
        return Skipped(line, "batch request", text(row["custom_id"]))
    try:
        return _call(line, row, file, requests)
    except UsageContradiction as error:
        return rejected(line, str(error), value)


def _call(line: int, row: Any, file: SourceFile, requests: BatchRequests) -> Call:
    custom_id, answer = text(row["custom_id"]), mapping(row.get("response"))
    request, body = requests.get(custom_id), mapping(answer.get("body"))
    asked = read_request(request) if request else None
    call = call_of(line, asked, read_response(body) if body else None)
    call.id = custom_id
    call.service_tier = "batch"
    call.key = call.key or text(row.get("id")) or f"{plain_name(file.name)}|{custom_id}"
    code = whole(answer.get("status_code"))
    if row.get("error"):
        fail(call, error_text(row["error"]))
    elif not body or (code is not None and code >= 400):
        fail(call, f"status {code}" if code else "no answer")
    return call


SOURCE = OpenAIBatch()
