"""Sample records of every format, damaged in the ways that logs are: seeded, any number of them."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests" / "sources" / "samples"
LONGER = {"traces.jsonl": "costopt-jsonl", "langsmith-support.jsonl": "langsmith",
          "helicone-digest.jsonl": "helicone", "langfuse-coder.json": "langfuse"}  # fmt: skip
"""Sample traces with sessions, tools and waste in them, and their formats."""
RATES = (0.002, 0.01, 0.04)
"""Share of a record's values that are damaged: some audits get far, some see little but damage."""
DEPTH = 300
_DEEP: Any = None
for _ in range(DEPTH):
    _DEEP = [_DEEP]

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 3, 1.5, -2.5, 1e308, -1e308, 10**30, -(10**30), 2**63, 2**31, 10**12,
    float("nan"), float("inf"), "", "x", "-1", "NaN", "1e999", "12", "12.0", "0x10", "\ud800",
    "\x00", "\x1b[2J\x07", "\u202eabc", "=1+1", "<script>", [], {}, [[]], [None], {"a": 1}, [{}],
    "2026-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", [1, "a"], {"type": 5},
    {"type": "text"}, {"error": {}}, {"": ""}, _DEEP, "y" * 5000,
)  # fmt: skip
UNITS = (1000, 10**6, 10**9, 0.001, -1)
"""Seconds for milliseconds, dollars for cents, tokens for thousands, and a sign."""


def mutated(value: Any, chance: random.Random, rate: float = 0.04) -> Any:
    """The value with a few of its parts replaced, removed, doubled, retyped or in another unit."""
    if chance.random() < rate:
        return _damaged(value, chance)
    if isinstance(value, dict):
        kept = {k: mutated(v, chance, rate) for k, v in value.items() if chance.random() > rate / 2}
        if kept and chance.random() < rate:
            kept[chance.choice(list(kept))] = chance.choice(ODD)
        if kept and chance.random() < rate / 2:  # a field under another field's name
            kept[chance.choice(list(kept))] = kept[chance.choice(list(kept))]
        return kept
    if isinstance(value, list):
        return [
            mutated(v, chance, rate) for v in value for _ in range(chance.choice((1,) * 9 + (2,)))
        ]
    return value


def _damaged(value: Any, chance: random.Random) -> Any:
    way = chance.random()
    if isinstance(value, int | float) and not isinstance(value, bool) and way < 0.6:
        return _other_number(value, chance)
    if isinstance(value, str) and way < 0.4:
        cut = chance.randrange(len(value) + 1)
        return chance.choice(
            (value[:cut], value + chance.choice(("\ud83d", "\r\n", "\x85", " ")), value * 3)
        )
    if isinstance(value, dict | list) and way < 0.3:
        return chance.choice((json.dumps(value), [value], {"value": value}))
    return chance.choice(ODD)


def _other_number(value: float, chance: random.Random) -> Any:
    if chance.random() < 0.4:
        return chance.choice(
            (str(value), f"{value:,}", f" {value} ", float(value), [value], -value)
        )
    return value * chance.choice(UNITS)


def line_of(value: Any, chance: random.Random) -> bytes:
    """A record as a line: sometimes with repeated keys, cut, or with bytes that are no UTF-8."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.9)
    way = chance.random()
    if way < 0.02:
        text = text[: chance.randrange(len(text) + 1)]
    elif way < 0.06 and text.startswith("{") and isinstance(value, dict) and value:
        name = chance.choice(list(value))
        text = f"{{{json.dumps(name)}: {json.dumps(chance.choice(ODD))}, {text[1:]}"
    raw = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.02 and raw:
        at = chance.randrange(len(raw))
        raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    return raw.replace(b"\n", b" ")


@dataclass(frozen=True)
class Sample:
    """The files of one sample folder and the format they are in."""

    name: str
    format: str
    files: tuple[Path, ...]


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample folder of the tests, and the sample traces."""
    found = [
        Sample(name.partition(".")[0], format, (ROOT / "sample_traces" / name,))
        for name, format in LONGER.items()
    ]
    for told in sorted(SAMPLES.glob("*/expected.json")):
        inside = tuple(sorted(p for p in told.parent.iterdir() if p.name != "expected.json"))
        format = json.loads(told.read_text()).get("format", told.parent.name)
        found.append(Sample(told.parent.name, format, inside))
    return tuple(found)


def damaged_copy(sample: Sample, folder: Path, size: int, chance: random.Random) -> None:
    """About `size` damaged records of the sample, under the names of its files, below `folder`."""
    lines = sum(p.suffix == ".jsonl" for p in sample.files)
    copies = max(1, size // 8) if lines < len(sample.files) else 1
    for copy in range(copies):
        place = folder / str(copy) if copies > 1 else folder
        place.mkdir(parents=True, exist_ok=True)
        for path in sample.files:
            damage = _WAYS.get(path.suffix, _text)
            (place / path.name).write_bytes(damage(path, max(1, size // copies), chance))


def _lines(path: Path, size: int, chance: random.Random) -> bytes:
    rows = [_value(line) for line in path.read_bytes().splitlines() if line.strip()]
    rate = chance.choice(RATES)
    if chance.random() < 0.5:  # as they stand: sessions stay whole
        start = chance.randrange(max(1, len(rows) - size))
        drawn = rows[start : start + size]
    else:
        drawn = [_fresh(chance.choice(rows), chance) for _ in range(size)]
    out = b"\n".join(line_of(mutated(row, chance, rate), chance) for row in drawn)
    return out + (b"\n" if chance.random() < 0.9 else b"")


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")


def _fresh(value: Any, chance: random.Random) -> Any:
    """The record under ids of its own, most times: else all copies would be one call."""
    if chance.random() < 0.15:
        return value
    mark = f"{chance.randrange(10**9):09d}"
    return _renamed(value, mark)


def _renamed(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {
            k: f"{v}-{mark}" if k in _IDS and isinstance(v, str) and v else _renamed(v, mark)
            for k, v in value.items()
        }
    return [_renamed(v, mark) for v in value] if isinstance(value, list) else value


_IDS = frozenset(("id", "request_id", "requestId", "responseId", "response_id", "run_id", "uuid",
                  "custom_id", "litellm_call_id"))  # fmt: skip


def _document(path: Path, size: int, chance: random.Random) -> bytes:
    whole = _value(path.read_bytes())
    if isinstance(whole, str):  # several documents, one behind the other
        return _text(path, size, chance)
    value = mutated(_fresh(whole, chance), chance, chance.choice(RATES))
    raw = line_of(value, chance)
    return raw[: chance.randrange(len(raw) + 1)] if chance.random() < 0.02 else raw


def _table(path: Path, size: int, chance: random.Random) -> bytes:
    rows = list(csv.reader(io.StringIO(path.read_text())))
    head, body = rows[0], rows[1:]
    drawn = [chance.choice(body) for _ in range(size)]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    for row in drawn:
        cells = [_cell(c, chance) for c in row if chance.random() > 0.003]
        writer.writerow(cells)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _cell(text: str, chance: random.Random) -> str:
    if chance.random() > 0.05:
        return text
    value = _value(text.encode())
    changed = mutated(value, chance, 0.3)
    return changed if isinstance(changed, str) else json.dumps(changed)


def _text(path: Path, size: int, chance: random.Random) -> bytes:
    """Event streams and plain logs: bytes changed, lines lost, doubled and cut."""
    out = []
    for line in path.read_bytes().splitlines(keepends=True):
        if chance.random() < 0.03:
            continue
        if line.startswith(b"data: {") and chance.random() < 0.3:
            line = b"data: " + line_of(mutated(_value(line[6:]), chance), chance) + b"\n"
        out += [line] * chance.choice((1,) * 19 + (2,))
    data = bytearray(b"".join(out))
    for _ in range(len(data) // 2000):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


_WAYS: dict[str, Callable[[Path, int, random.Random], bytes]] = {
    ".jsonl": _lines, ".json": _document, ".traj": _document, ".csv": _table,
}  # fmt: skip


def emptied(folder: Path) -> Path:
    """The folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
