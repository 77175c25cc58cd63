"""Hostile tables and pages of the observability exports: mutated cells, damaged bytes, deep nesting."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest

from costopt.model.call import Call, Rejected, Repeat, Skipped
from costopt.sources.detect import named
from costopt.sources.files import source_files
from tests.sources.reading import SAMPLES
from tests.sources.test_fuzz import mutated

NAMES = ("helicone", "langfuse", "langsmith", "litellm")


def _rows(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted((SAMPLES / name).glob("*.json*")):
        lines = [path.read_text()] if path.suffix == ".json" else path.read_text().splitlines()
        for value in filter(None, map(_parsed, lines)):
            pages = [value[k] for k in ("data", "items", "observations") if k in value]
            found += pages[0] if pages else [value]
    return found


def _parsed(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if "calls" not in value and isinstance(value, dict) else {}


def _check(path: Path, name: str) -> int:
    (file,) = source_files([str(path)])
    calls = 0
    for record in named(name).read(file):
        assert isinstance(record, Call | Rejected | Skipped | Repeat)
        if isinstance(record, Call):
            calls += 1
            assert all(type(n) is int and n >= 0 for n in record.usage.leaves)
            assert record.request is None or record.request
    return calls


def _table(path: Path, rows: list[dict[str, Any]]) -> None:
    columns = sorted({key for row in rows for key in row})
    with path.open("w", newline="", encoding="utf-8", errors="replace") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        for row in rows:
            cells = [row.get(c) for c in columns]
            writer.writerow([v if isinstance(v, str | None) else json.dumps(v) for v in cells])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_mutated_cells_and_damaged_bytes(name: str, seed: int, tmp_path: Path) -> None:
    chance, rows = random.Random(seed), _rows(name)
    path = tmp_path / "odd.csv"
    made = [mutated(chance.choice(rows), chance) for _ in range(150)]
    _table(path, [row for row in made if isinstance(row, dict)])
    assert _check(path, name)
    data = bytearray(path.read_bytes())
    for _ in range(len(data) // 300):
        data[chance.randrange(len(data))] = chance.randrange(256)
    path.write_bytes(bytes(data))
    _check(path, name)


@pytest.mark.parametrize("name", NAMES)
def test_mutated_pages(name: str, tmp_path: Path) -> None:
    chance, rows = random.Random(11), _rows(name)
    path = tmp_path / "odd.json"
    for field in ("data", "runs", "observations"):
        page = {field: [mutated(chance.choice(rows), chance) for _ in range(100)]}
        path.write_text(json.dumps(page, indent=1))
        _check(path, name)
    path.write_text(json.dumps(rows) + "\n" + json.dumps(rows))
    assert _check(path, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_deep_nesting_is_refused_or_read(name: str, depth: int, tmp_path: Path) -> None:
    rows = [row for row in _rows(name) if row.get("run_type") != "chain"]
    path = tmp_path / "deep.jsonl"
    shapes = ["[" * depth + "1" + "]" * depth]
    keys = ("content", "kwargs", "messages", "output", "child_runs")
    shapes += [f'{{"{key}":' * depth + "1" + "}" * depth for key in keys]
    lines = [
        json.dumps({**rows[0], field: "@"}).replace('"@"', shape)
        for field in rows[0]
        for shape in shapes
    ]
    path.write_text("\n".join(lines) + "\n")
    (file,) = source_files([str(path)])
    assert len(list(named(name).read(file))) >= len(lines) // 2
