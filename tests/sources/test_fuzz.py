"""Hostile records: a source yields, refuses or skips; it never raises and never counts below zero."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, Rejected, Repeat, Skipped, UsageState
from costopt.model.identity import call_digest, contest
from costopt.money import from_log
from costopt.sources.detect import formats
from costopt.sources.files import source_files
from tests.sources.reading import SAMPLES

ODD: list[Any] = [
    None, True, False, 0, -1, 3, 1.5, 1e308, 10**30, "", "x", "-1", "\ud800", [], {}, [[]], [None],
    {"a": 1}, [{}], "2026-01-01", [1, "a"], {"type": 5}, {"type": "text"}, {"error": {}},
]  # fmt: skip
LINES = [
    line
    for path in sorted(SAMPLES.glob("*/*.jsonl"))
    for line in path.read_text().splitlines()
    if line.endswith("}")
]


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with a few of its parts replaced, removed or doubled."""
    if chance.random() < 0.06:
        return chance.choice(ODD)
    if isinstance(value, dict):
        kept = {k: mutated(v, chance) for k, v in value.items() if chance.random() > 0.04}
        if kept and chance.random() < 0.05:
            kept[chance.choice(list(kept))] = chance.choice(ODD)
        return kept
    if isinstance(value, list):
        return [mutated(v, chance) for v in value for _ in range(chance.choice((1, 1, 1, 1, 2)))]
    return value


@pytest.mark.parametrize("seed", range(4))
def test_mutated_records_never_raise(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    rows = [mutated(json.loads(chance.choice(LINES)), chance) for _ in range(600)]
    path = tmp_path / "odd.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (file,) = source_files([str(path)])
    for source in formats().values():
        for record in source.read(file):
            _check(record)


def test_mutated_bytes_never_raise(tmp_path: Path) -> None:
    chance = random.Random(7)
    data = bytearray("\n".join(LINES).encode())
    for _ in range(len(data) // 200):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path = tmp_path / "odd.jsonl"
    path.write_bytes(bytes(data))
    (file,) = source_files([str(path)])
    for source in formats().values():
        for record in source.read(file):
            _check(record)


def _check(record: object) -> None:
    assert isinstance(record, Call | Rejected | Skipped | Repeat)
    if isinstance(record, Call):
        leaves = [record.usage.leaves, *(counts for _, counts in record.usage.extra)]
        assert all(type(n) is int and n >= 0 for row in leaves for n in row)
        if record.usage.state == UsageState.MISSING:
            assert not any(record.usage.leaves)
        assert record.recorded_usd is None or from_log(record.recorded_usd) >= 0
        contest(record)
        assert len(call_digest(record)) == 16
