"""`costopt store ls|rm|compact`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.run import costopt
from tests.sources.reading import SAMPLES

Capture = pytest.CaptureFixture[str]


def test_sets_are_listed_removed_and_compacted(tmp_path: Path, capsys: Capture) -> None:
    db, log = tmp_path / "l.duckdb", SAMPLES / "bare-chat" / "responses.jsonl"
    assert costopt(capsys, "ingest", log, "--db", db).code == 0
    assert costopt(capsys, "calls", log, "--db", db, "--out", tmp_path / "a.csv").code == 0
    ran = costopt(capsys, "store", "ls", "--db", db)
    assert ran.code == 0
    assert "ingested  3 calls, 1 file" in ran.out
    listed = json.loads(costopt(capsys, "store", "ls", "--db", db, "--json").out)
    assert [s["name"] for s in listed["datasets"]] == [str(log), "ingested"]
    assert costopt(capsys, "store", "rm", log, "--db", db).code == 0
    assert costopt(capsys, "store", "compact", "--db", db).code == 0
    listed = json.loads(costopt(capsys, "store", "ls", "--db", db, "--json").out)
    assert [s["calls"] for s in listed["datasets"]] == [3]
    gone = costopt(capsys, "store", "rm", "ingest", "--db", db)
    assert gone.code == 2
    assert "Did you mean `ingested`" in gone.err


def test_what_is_no_store_is_told(tmp_path: Path, capsys: Capture) -> None:
    assert costopt(capsys, "store", "ls", "--db", tmp_path / "none").code == 2
    text = tmp_path / "log.jsonl"
    text.write_text("{}\n" * 20)
    ran = costopt(capsys, "store", "ls", "--db", text)
    assert ran.code == 4
    assert "no DuckDB file" in ran.err
