"""Anthropic message batches: one result a line, at the batch price; only `succeeded` costs money.

```json
{"custom_id": "a", "result": {"type": "succeeded", "message": {"id": "msg_1", "usage": {}}}}
```

`errored`, `canceled` and `expired` are failed calls. Results carry no request and no time.
Fields: anthropic-sdk-python `types/messages/message_batch_individual_response.py`
(https://github.com/anthropics/anthropic-sdk-python, checked 2026-11-24).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, Skipped, UsageContradiction
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_response
from costopt.sources.bodies.build import call_of, fail
from costopt.sources.bodies.parts import error_text, items, mapping, text
from costopt.sources.files import plain_name
from costopt.sources.lines import records, rejected


class AnthropicBatch:
    """Results of a message batch, and the body that created it."""

    name = "anthropic-batch"
    title = "Anthropic message batch results"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By the shape of a line."""
        for record in head_records(head):
            record = mapping(record)
            if "custom_id" in record and "type" in mapping(record.get("result")):
                return Confidence.SURE, "lines with custom_id and a typed result"
            if _is_create_body(record):
                return Confidence.SURE, "the body that creates a batch"
        return Confidence.NO, "no line with custom_id and result.type"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a result."""
        with file.open() as stream:
            for line, value in records(stream):
                yield value if isinstance(value, Rejected) else _record(line, value, file)


def _is_create_body(record: Any) -> bool:
    first = mapping(next(iter(items(record.get("requests"))), None))
    return "custom_id" in first and "params" in first


def _record(line: int, value: Any, file: SourceFile) -> Record:
    row = mapping(value)
    result = mapping(row.get("result"))
    if _is_create_body(row):
        return Skipped(line, "batch requests")
    if "custom_id" not in row or not result:
        return rejected(line, "no custom_id or no result", value)
    try:
        return _call(line, row, result, file)
    except UsageContradiction as error:
        return rejected(line, str(error), value)


def _call(line: int, row: Any, result: Any, file: SourceFile) -> Call:
    message, outcome = mapping(result.get("message")), text(result.get("type"))
    call = call_of(line, None, read_response(message) if message else None)
    call.id = text(row["custom_id"])
    call.provider = "anthropic"
    call.service_tier = "batch"
    call.key = call.key or f"{plain_name(file.name)}|{call.id}"
    if outcome != "succeeded":
        fail(call, error_text(result.get("error")) or outcome or "no result")
    return call


SOURCE = AnthropicBatch()
