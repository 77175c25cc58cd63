"""The same log in another shape (shuffled, split, packed, twice), and without its text."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Records = list[bytes]

TEXTS = frozenset(
    ("content", "text", "thinking", "reasoning", "reasoning_content", "output_text", "arguments",
     "input", "output", "prompt", "completion", "thought", "observation", "action", "response",
     "title", "body", "system", "refusal", "messages", "query", "request_body", "response_body")
)  # fmt: skip
"""Fields whose words are a prompt or an answer. Words that are JSON are read as such."""


def copies(source: Path, out: Path, change: Callable[[Path, Path], None]) -> Path:
    """Each file below `source` (or it alone), changed into the same place below `out`."""
    files = [source] if source.is_file() else [p for p in source.rglob("*") if p.is_file()]
    root = source.parent if source.is_file() else source
    for file in sorted(files):
        if file.name != "expected.json":
            to = out / file.relative_to(root)
            to.parent.mkdir(parents=True, exist_ok=True)
            change(file, to)
    return out


def reshaped(file: Path, to: Path) -> None:
    """Records in another order, in two files, packed; and once more as the file is, elsewhere."""
    again = to.parent / "again" / to.name
    again.parent.mkdir(exist_ok=True)
    shutil.copyfile(file, again)
    head, found, tail = _records(file)
    random.Random(7).shuffle(found)
    parts = [found[0::2], found[1::2]] if len(found) > 1 else [found]
    for number, part in enumerate(parts):  # a batch is known by its file's name: it stays
        place = to.parent / f"part{number}" / f"{to.name}.gz"
        place.parent.mkdir(exist_ok=True)
        _write(place, head, part, tail, packed=True)


def repacked(file: Path, to: Path) -> None:
    """A stream, whose order is its meaning: packed, and once more as it is, elsewhere."""
    again = to.parent / "again" / to.name
    again.parent.mkdir(exist_ok=True)
    shutil.copyfile(file, again)
    to.with_name(f"{to.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))


def without_text(file: Path, to: Path) -> None:
    """Every text emptied; names, ids, counts and amounts stay."""
    if file.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(file.read_text(), newline="")))
        quiet = [{k: _cell(k, v) for k, v in row.items()} for row in rows]
        lines = [_line(list(rows[0])), *(_line(list(r.values())) for r in quiet)]
        to.write_bytes(b"\n".join(lines) + b"\n")
        return
    head, found, tail = _records(file)
    _write(to, head, [_emptied(r) for r in found], tail)


def _cell(name: str, value: str) -> str:
    """A cell of a table: the tools' own columns of texts are emptied, JSON is looked through."""
    emptied: str = _silent(value) if name in TEXTS else _empty(value)
    return emptied


def _write(to: Path, head: bytes, found: Records, tail: bytes, packed: bool = False) -> None:
    join = b"," if tail else b"\n"
    data = head + join.join(found) + (tail or b"\n")
    to.write_bytes(gzip.compress(data, mtime=0) if packed else data)


def _records(file: Path) -> tuple[bytes, Records, bytes]:
    """(what stands before, records, what stands behind); a stream of events is one record."""
    data = file.read_bytes()
    if file.suffix == ".csv":
        rows = [_line(r) for r in csv.reader(io.StringIO(data.decode(), newline=""))]
        return rows[0] + b"\n", rows[1:], b""
    lines = [line for line in data.split(b"\n") if line.strip()]
    if file.suffix == ".jsonl" and all(line.startswith(b"{") for line in lines):
        return b"", lines, b""
    try:
        whole = json.loads(data)
    except ValueError:
        return b"", [data], b""
    if isinstance(whole, list):
        return b"[", [json.dumps(r).encode() for r in whole], b"]"
    for name in ("runs", "items", "data"):
        if isinstance(whole, dict) and isinstance(whole.get(name), list):
            inner = [json.dumps(r).encode() for r in whole[name]]
            return b'{"%s": [' % name.encode(), inner, b"]}"
    return b"", [data], b""


def _line(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
    return out.getvalue().encode()


def _emptied(record: bytes) -> bytes:
    try:
        return json.dumps(_empty(json.loads(record))).encode()
    except ValueError:
        return record


def _empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _silent(v) if k in TEXTS else _empty(v) for k, v in value.items()}
    if isinstance(value, str) and value[:1] in ("{", "["):
        return _emptied(value.encode()).decode()
    return [_empty(v) for v in value] if isinstance(value, list) else value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _silent(value: Any) -> Any:
    """A field that holds words: they go, what is JSON inside is looked through."""
    if isinstance(value, str):
        inner = _parsed(value) or _parsed(value.replace('""', '"'))
        if inner is None:
            return ""
        return json.dumps(_silent(inner)) if isinstance(inner, dict | list | str) else value
    if isinstance(value, list):
        return [_silent(v) if isinstance(v, str) else _empty(v) for v in value]
    return _empty(value)
