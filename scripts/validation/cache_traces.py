"""The traces of the prompt-cache validation as columns, straight from their files."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.errors import InputError
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind
from costopt.model.identity import segment_digest
from costopt.model.trace import Trace
from costopt.model.usage import Counts, inside
from costopt.sources.bodies import read_request, read_response
from costopt.sources.detect import source_of
from costopt.sources.files import source_files


@dataclass(frozen=True)
class Loaded:
    """A trace with its texts."""

    trace: Trace
    texts: TextList


class TextList:
    """Texts of a trace's segments, by id."""

    def __init__(self, calls: Sequence[Call], trace: Trace) -> None:
        by_digest: dict[tuple[int, int], str] = {}
        for call in calls:
            for segment in (*(call.request or ()), *(call.response or ())):
                digest = segment_digest(segment)
                pair = (int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big"))
                by_digest[pair] = segment.text
        self._texts = [by_digest.get((int(a), int(b))) for a, b in trace.segments.digest]

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self._texts[int(i)] for i in segments]


def loaded(calls: list[Call]) -> Loaded:
    trace = trace_of(calls)
    return Loaded(trace, TextList(calls, trace))


def tau2(shared: Path) -> list[Call]:
    """Customer-service agents and the simulated users."""
    tool = shared / "tools" / "tau2_to_native.py"
    folder = shared / "traces" / "tau2-retail"
    command = [
        sys.executable,
        str(tool),
        *map(str, sorted(p for p in folder.iterdir() if p.is_dir())),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return [_native(json.loads(line)) for line in done.stdout.splitlines()]


def _native(record: dict[str, Any]) -> Call:
    request = read_request(record["request"])
    response = read_response(record["response"], provider=record["provider"])
    at = dt.datetime.fromisoformat(record["timestamp"]).replace(tzinfo=dt.UTC)
    return Call(
        key=record["id"], id=record["id"], usage=response.usage, session_id=record["session_id"],
        at_us=int(at.timestamp() * 1e6), provider=record["provider"], model=request.model,
        agent=record["agent"], task=record["task"], request=request.segments,
        response=response.segments,
    )  # fmt: skip


def mini_swe(shared: Path) -> list[Call]:
    """mini-swe-agent on gemini-3-pro-preview: the history grows by one message a call."""
    calls: list[Call] = []
    for path in sorted((shared / "traces" / "miniswe-gemini3" / "trajs").glob("*.json")):
        calls.extend(_trajectory(path))
    return calls


def _trajectory(path: Path) -> Iterator[Call]:
    messages = json.loads(path.read_bytes())["messages"]
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        body = message["extra"]["response"]
        history = [{"role": m["role"], "content": m["content"]} for m in messages[:index]]
        request = read_request({"model": body["model"], "messages": history})
        response = read_response(body, provider="google")
        answer = [Segment(SegmentKind.ASSISTANT, message["content"])]
        yield Call(
            key=body["id"], id=body["id"], usage=response.usage, session_id=path.stem,
            at_us=int(body["created"]) * 1_000_000, provider="google",
            model=body["model"].removeprefix("google/"), request=request.segments, response=answer,
        )  # fmt: skip


def mooncake(shared: Path) -> list[Call]:
    """Requests as hashes of 512-token blocks."""
    calls: list[Call] = []
    path = shared / "traces" / "mooncake" / "conversation_trace.jsonl"
    for number, line in enumerate(path.read_bytes().splitlines()):
        record = json.loads(line)
        blocks = [
            Segment(SegmentKind.BLOCK, "", tokens=512, digest=int(b).to_bytes(16, "big"))
            for b in record["hash_ids"]
        ]
        counts = Counts(input=record["input_length"], output=record["output_length"])
        calls.append(
            Call(key=str(number), usage=inside(counts), at_us=record["timestamp"] * 1000,
                 source_line=number + 1, request=blocks, response=[])
        )  # fmt: skip
    return calls


def by_source(folder: Path) -> list[Call]:
    """Whatever lies in a folder, as the product reads it; notes beside the logs are passed over."""
    calls: list[Call] = []
    for file in source_files([str(folder)]):
        try:
            source, _ = source_of(file)
        except InputError:
            continue
        calls.extend(r for r in source.read(file) if isinstance(r, Call))
    return calls
