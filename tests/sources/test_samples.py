"""Every sample folder is detected as its format and gives the numbers beside it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from costopt.sources.base import Confidence
from costopt.sources.detect import detect, formats
from costopt.sources.files import head_of, source_files
from tests.sources.reading import SAMPLES, expected, read, totals

FOLDERS = sorted(p.parent for p in SAMPLES.glob("*/expected.json"))
OWN = [f for f in FOLDERS if "format" in json.loads((f / "expected.json").read_text())]
by_name = pytest.mark.parametrize("folder", OWN, ids=lambda p: p.name)


@by_name
def test_a_sample_is_detected_and_counted(folder: Path) -> None:
    reading, told = read(folder), expected(folder)
    assert reading.formats == {told.pop("format")}
    assert totals(reading) == told


@by_name
def test_given_twice_and_packed_it_counts_once(folder: Path, tmp_path: Path) -> None:
    told = expected(folder)
    for file in folder.iterdir():
        if file.name != "expected.json":
            (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    twice = totals(read(folder, tmp_path))
    once = {
        n: v for n, v in told.items() if n not in ("format", "duplicates", "rejected", "skipped")
    }
    assert {n: twice.get(n) for n in once} == once


@by_name
def test_no_other_format_is_as_sure_of_it(folder: Path) -> None:
    """The confusion table: a tie would let the alphabet decide."""
    for file in source_files([str(folder)]):
        if file.name.endswith("expected.json"):
            continue
        head = head_of(file)
        told = {name: source.sniff(head)[0] for name, source in formats().items()}
        best = max(told.values())
        assert best > Confidence.NO
        assert [n for n, c in told.items() if c == best] == [detect(head)[0].name], (
            file.name,
            told,
        )


@by_name
def test_without_its_text_it_costs_the_same(folder: Path, tmp_path: Path) -> None:
    """A content-free log: every text emptied, every count as it was."""
    for file in sorted(folder.iterdir()):
        if file.name != "expected.json":
            (tmp_path / file.name).write_text(_silent(file.read_text()))
    quiet, loud = read(tmp_path), read(folder)
    usage = [(c.usage, c.service_tier, c.status, c.recorded_usd) for c in loud.all_calls]
    assert [(c.usage, c.service_tier, c.status, c.recorded_usd) for c in quiet.all_calls] == usage


def _silent(text: str) -> str:
    for word in ("Blue.", "Answer in one word.", "Which colour has the sky?", "Be brief.", "Hello"):
        text = text.replace(f'"{word}"', '""')
    return text
