"""Content-free serving traces: lengths, arrivals, and one hash for each block of the prompt.

```json
{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, 2353]}
```

* One line a request. Equal ids are equal blocks behind an equal prefix; a block is 512 tokens (16 in the
  Qwen traces), the last one the rest.
* The trace has no date: `timestamp` (milliseconds; seconds where `chat_id` is) counts from 1970.
* Nothing says what was cached: all input is fresh.

Format: https://github.com/kvcache-ai/Mooncake and
https://github.com/alibaba-edu/qwen-bailian-usagetraces-anon, checked 2026-11-24.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import xxhash

from costopt.model.call import Call, Record, Rejected, Segment, SegmentKind, UsageContradiction
from costopt.model.identity import SEED
from costopt.model.usage import Counts, as_count, inside
from costopt.sources._heads import head_records
from costopt.sources.base import Confidence, Head, SourceFile
from costopt.sources.bodies.parts import mapping, number, text
from costopt.sources.lines import records, rejected

BLOCK_TOKENS = (512, 16)


class Mooncake:
    """Traces of block hashes."""

    name = "mooncake"
    title = "Mooncake block-hash trace"

    def sniff(self, head: Head) -> tuple[Confidence, str]:
        """By `hash_ids` beside lengths."""
        for record in head_records(head):
            record = mapping(record)
            if isinstance(record.get("hash_ids"), list) and "input_length" in record:
                return Confidence.SURE, "lines with input_length and hash_ids"
        return Confidence.NO, "no line with hash_ids"

    def read(self, file: SourceFile) -> Iterator[Record]:
        """One call a line."""
        trace = _Trace()
        with file.open() as stream:
            for line, value in records(stream):
                if isinstance(value, Rejected):
                    yield value
                    continue
                try:
                    yield trace.call(line, mapping(value))
                except UsageContradiction as error:
                    yield rejected(line, str(error), value)


class _Trace:
    """What a line means in the light of the lines before it."""

    def __init__(self) -> None:
        self._seen: Counter[bytes] = Counter()
        self._session: dict[str, str] = {}

    def call(self, line: int, row: Any) -> Call:
        if row.get("input_length") is None or row.get("output_length") is None:
            raise UsageContradiction("no input_length or output_length")
        given = as_count(row["input_length"], "input_length")
        made = as_count(row["output_length"], "output_length")
        call = Call("", inside(Counts(input=given, output=made)), line)
        call.at_us = _at_us(row)
        call.session_id = self._session_of(row)
        call.task = text(row.get("type"))
        if isinstance(row.get("hash_ids"), list):
            call.request = blocks(row["hash_ids"], given)
        call.key = self._key(row)
        return call

    def _key(self, row: Any) -> str:
        """Equal lines are different requests, and the same file read twice is one."""
        facts = [row.get(n) for n in ("timestamp", "chat_id", "input_length", "output_length")]
        digest = xxhash.xxh3_128_digest(repr((facts, row.get("hash_ids"))).encode(), seed=SEED)
        self._seen[digest] += 1
        return f"mooncake|{digest.hex()}|{self._seen[digest]}"

    def _session_of(self, row: Any) -> str:
        """A chat continues its parent: all turns bear the first one's id."""
        own, parent = text(row.get("chat_id")), text(row.get("parent_chat_id"))
        if own:
            self._session[own] = self._session.get(parent, own)
        return self._session.get(own, "")


def _at_us(row: Any) -> int | None:
    at = number(row.get("timestamp"))
    if at is None or at < 0:
        return None
    return round(at * (1_000_000 if "chat_id" in row else 1_000))


def blocks(ids: list[Any], tokens: int) -> list[Segment]:
    """One BLOCK a hash; the last holds what the others leave."""
    if not ids:
        return []
    size = block_tokens(len(ids), tokens)
    sizes = [size] * (len(ids) - 1) + [tokens - size * (len(ids) - 1)]
    return [
        Segment(SegmentKind.BLOCK, "", tokens=n, digest=_digest(id))
        for id, n in zip(ids, sizes, strict=True)
    ]


def block_tokens(count: int, tokens: int) -> int:
    """The block size that makes so many blocks of so many tokens; an even share where none does."""
    for size in BLOCK_TOKENS:
        if size * (count - 1) < tokens <= size * count:
            return size
    return tokens // count


def _digest(id: object) -> bytes:
    if isinstance(id, int) and 0 <= id < 2**120:
        return b"\x01" + id.to_bytes(15, "big")
    return xxhash.xxh3_128_digest(repr(id).encode(), seed=SEED)


SOURCE = Mooncake()
