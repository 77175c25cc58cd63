"""JSON in every layout: values, line numbers, refusals in place, bounded memory."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import pytest

from costopt.model.call import Rejected
from costopt.sources import lines
from costopt.sources._heads import head_records
from costopt.sources.base import Head
from costopt.sources.lines import records


def read(data: bytes) -> list[tuple[int, Any]]:
    """Values by line; a refusal as its reason's first words."""
    found = records(io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]
    return [(n, v.reason.split(":")[0] if isinstance(v, Rejected) else v) for n, v in found]


LAYOUTS: list[tuple[str, bytes, list[tuple[int, Any]]]] = [
    ("lines", b'{"a":1}\n{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})]),
    ("no last newline", b'{"a":1}\n{"a":2}', [(1, {"a": 1}), (2, {"a": 2})]),
    ("CRLF", b'{"a":1}\r\n{"a":2}\r\n', [(1, {"a": 1}), (2, {"a": 2})]),
    ("a byte order mark", b'\xef\xbb\xbf{"a":1}\n{"a":2}\n', [(1, {"a": 1}), (2, {"a": 2})]),
    ("UTF-16", '{"a":"é"}\n{"a":2}\n'.encode("utf-16"), [(1, {"a": "é"}), (2, {"a": 2})]),
    ("blank lines keep the count", b'\n\n{"a":1}\n\n{"a":2}\n', [(3, {"a": 1}), (5, {"a": 2})]),
    ("a damaged line", b'{"a":1}\n{oops}\n{"a":3}\n', [(1, {"a": 1}), (2, "not JSON"), (3, {"a": 3})]),
    ("a damaged first line", b'{"a\n{"a":2}\n{"a":3}\n', [(1, "not JSON"), (2, {"a": 2}), (3, {"a": 3})]),
    ("a cut last line", b'{"a":1}\n{"a":', [(1, {"a": 1}), (2, "cut off in the middle")]),
    ("an array", b'[{"a":1},\n {"a":2}]', [(1, {"a": 1}), (2, {"a": 2})]),
    ("a cut array", b'[{"a":1},{"a":2},{"a":', [(1, {"a": 1}), (2, {"a": 2}), (3, "cut off in the middle")]),
    ("a document", b'{\n "a": [1,\n 2]\n}\n', [(1, {"a": [1, 2]})]),
    ("documents in a row", b'{\n"a":1\n}\n{\n"a":2\n}\n', [(1, {"a": 1}), (2, {"a": 2})]),
    ("empty", b"", []),
    ("a lone surrogate", b'{"a":"\\ud800"}\n', [(1, {"a": "\ud800"})]),
    ("a bracket in a string", b'[{"a":"]}"},{"a":"\\"],"}]', [(1, {"a": "]}"}), (2, {"a": '"],'})]),
]  # fmt: skip


@pytest.mark.parametrize(("title", "data", "expected"), LAYOUTS, ids=[c[0] for c in LAYOUTS])
def test_layout(title: str, data: bytes, expected: list[tuple[int, Any]]) -> None:
    assert read(data) == expected


def test_a_large_array_is_streamed_like_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [b'{"n":%d,"text":"a \\"quoted\\" ] word"}' % n for n in range(20_000)]
    data = b"[" + b",\n".join(rows) + b"]"
    at_once = read(data)
    monkeypatch.setattr(lines, "WHOLE_BYTES", 1 << 14)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 1 << 14)
    assert read(data) == at_once
    stream = io.BytesIO(data)
    tracemalloc.start()
    for _ in records(stream):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(data) / 4


def test_a_line_beyond_all_reason_is_refused_and_reading_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    data = b'{"a":1}\n{"a":"' + b"x" * 5000 + b'"}\n{"a":3}\n'
    numbers = [n for n, v in read(data) if isinstance(v, dict)]
    assert numbers == [1, 3]


def test_deep_nesting_is_refused_not_a_crash() -> None:
    assert [v for _, v in read(b'{"a":' + b"[" * 100_000 + b"\n")][0].startswith(
        ("not JSON", "cut")
    )


HEADS: list[tuple[str, bytes, bool, list[Any]]] = [
    ("lines, the last one cut", b'{"a":1}\n{"a":2}\n{"a":', True, [{"a": 1}, {"a": 2}]),
    ("a cut array of documents", b'[{"a":1,"b":[1,2]},{"a":2,"b', True, [{"a": 1, "b": [1, 2]}, {"a": 2}]),
    ("a cut document", b'{"kind":"x","rows":[{"a":1},{"a":2', True, [{"kind": "x", "rows": [{"a": 1}, {}]}]),
    ("a whole document", b'{\n"a":1\n}', False, [{"a": 1}]),
    ("text", b"hello", False, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("title", "data", "truncated", "expected"), HEADS, ids=[c[0] for c in HEADS]
)
def test_head(title: str, data: bytes, truncated: bool, expected: list[Any]) -> None:
    assert head_records(Head("x", data, truncated)) == expected
