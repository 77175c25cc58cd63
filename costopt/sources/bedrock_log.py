"""Bedrock's model invocation log, as it lies in S3 (gzipped lines) or comes out of CloudWatch.

```json
{"schemaType": "ModelInvocationLog", "requestId": "r1", "modelId": "...", "operation": "Converse", "input": {}, "output": {}}
```

* The counts of the answer's body come first, then those of the log line; cached ones stand beside the input.
* Bodies above 100 KB are kept in S3 only: the call has its counts then, and no text.
* An `errorCode` is a failed call.

Fields: https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html, checked 2026-11-24.
"""  # noqa: E501 - one line of a log is one line

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from costopt.model.call import Call, Record, Rejected, UsageContradiction, UsageState
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies import read_request, read_response, usage_from
from costopt.sources.bodies.build import body_of, call_of, fail, flat
from costopt.sources.bodies.parts import mapping, text, time_us
from costopt.sources.lines import records, rejected


class BedrockLog:
    """Model invocation log records."""

    name = "bedrock-log"
    title = "Amazon Bedrock model invocation log"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By `schemaType`, also inside a CloudWatch message."""
        found = head_records(head)
        if any(_is_log(_unwrapped(r)) for r in found):
            return Confidence.SURE, "schemaType is ModelInvocationLog"
        return Confidence.NO, "no schemaType ModelInvocationLog"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a record."""
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                    continue
                record = _unwrapped(value)
                try:
                    yield (
                        _call(line, record)
                        if _is_log(record)
                        else rejected(line, "not an invocation log record", value)
                    )
                except UsageContradiction as error:
                    yield rejected(line, str(error), value)


def _is_log(record: Any) -> bool:
    return record.get("schemaType") == "ModelInvocationLog" or (
        "modelId" in record and "requestId" in record and "operation" in record
    )


def _unwrapped(value: Any) -> Any:
    """CloudWatch exports keep the record as text in `message` or `@message`."""
    outer = mapping(value)
    for name in ("message", "@message"):
        inner = body_of(outer.get(name)) if isinstance(outer.get(name), str) else None
        if inner is not None:
            return inner
    return outer


def _call(line: int, record: dict[str, Any]) -> Call:
    given, made = mapping(record.get("input")), mapping(record.get("output"))
    request, answer = body_of(given.get("inputBodyJson")), body_of(made.get("outputBodyJson"))
    call = call_of(
        line,
        read_request(request) if request else None,
        read_response(answer) if answer else None,
    )
    call.id = text(record.get("requestId"))
    call.key = call.id or call.key
    call.at_us = time_us(record.get("timestamp"))
    call.provider = "bedrock"
    call.model = call.request_model = text(record.get("modelId"))
    call.region = text(record.get("inferenceRegion")) or text(record.get("region"))
    call.project = text(record.get("accountId"))
    call.user = text(mapping(record.get("identity")).get("arn"))
    call.metadata = flat(mapping(record.get("requestMetadata")))
    call.stream = text(record.get("operation")).endswith("Stream")
    if call.usage.state != UsageState.REPORTED:
        call.usage = usage_from(_counts(given, made))
    if record.get("errorCode"):
        fail(call, text(record["errorCode"]))
    return call


def _counts(given: Any, made: Any) -> dict[str, Any]:
    """The log line's own counts, in the words of Converse."""
    counts = {
        "inputTokens": given.get("inputTokenCount"),
        "cacheReadInputTokens": given.get("cacheReadInputTokenCount"),
        "cacheWriteInputTokens": given.get("cacheWriteInputTokenCount"),
        "outputTokens": made.get("outputTokenCount"),
    }
    return {name: value for name, value in counts.items() if value is not None}


SOURCE = BedrockLog()
