"""`costopt ingest`: what is read where, what is skipped and refused, and the exit codes."""

from __future__ import annotations

import contextlib
import gzip
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from costopt.store.store import Store
from tests.cli.run import costopt
from tests.sources.reading import SAMPLES

NATIVE = SAMPLES / "costopt-jsonl" / "calls.jsonl"
Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *arguments: object) -> dict[str, object]:
    ran = costopt(capsys, "ingest", *arguments, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, object] = json.loads(ran.out)
    return found


def test_again_adds_nothing(tmp_path: Path, capsys: Capture) -> None:
    db = tmp_path / "l.duckdb"
    first = told(capsys, NATIVE, "--db", db)
    assert (first["calls"], first["new_calls"]) == (5, 5)
    again = told(capsys, NATIVE, "--db", db)
    assert (again["calls"], again["new_calls"]) == (5, 0)
    packed = tmp_path / "copy.jsonl.gz"
    packed.write_bytes(gzip.compress(NATIVE.read_bytes()))
    copied = told(capsys, packed, "--db", db)
    assert (copied["calls"], copied["new_calls"]) == (5, 0)


def test_a_second_log_joins_the_first(tmp_path: Path, capsys: Capture) -> None:
    db = tmp_path / "l.duckdb"
    told(capsys, NATIVE, "--db", db)
    assert told(capsys, SAMPLES / "bare-chat", "--db", db)["calls"] == 8
    apart = told(capsys, SAMPLES / "bare-gemini", "--db", db, "--dataset", "other")
    assert apart["calls"] == 2


def test_a_folder_skips_what_no_format_fits_and_says_so(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    (tmp_path / "calls.jsonl").write_bytes(NATIVE.read_bytes())
    ran = costopt(capsys, "ingest", tmp_path, "--db", tmp_path / "l.duckdb")
    assert ran.code == 0
    assert "skipped a file of no known format: notes.txt" in ran.err
    assert "refused 2 records" in ran.err
    assert "5 calls" in ran.out


def test_a_named_file_that_no_format_fits_is_exit_4_with_reasons(
    tmp_path: Path, capsys: Capture
) -> None:
    odd = tmp_path / "notes.txt"
    odd.write_text("nothing to see")
    for given in (odd, tmp_path):
        ran = costopt(capsys, "ingest", given, "--db", tmp_path.parent / "l.duckdb")
        assert ran.code == 4
        assert "costopt-jsonl: no JSON object" in ran.err
    (tmp_path / "empty.jsonl").write_text("")
    assert costopt(capsys, "ingest", tmp_path / "empty.jsonl").code == 4
    assert costopt(capsys, "ingest", tmp_path / "none.jsonl").code == 4


def test_refused_records_are_written_even_if_nothing_else_is_there(
    tmp_path: Path, capsys: Capture
) -> None:
    bad, out = tmp_path / "bad.jsonl", tmp_path / "refused.jsonl"
    line = NATIVE.read_text().splitlines()[6]
    bad.write_text(line + "\n")
    db = tmp_path / "l.duckdb"
    ran = costopt(capsys, "ingest", bad, "--db", db, "--rejected", out)
    assert ran.code == 4
    assert "cached input (11) is larger than input (10)" in ran.err
    (row,) = map(json.loads, out.read_text().splitlines())
    assert (row["file"], row["line"]) == (str(bad), 1)
    assert row["raw"].startswith('{"id":"a7"')
    with Store.open(db) as store:
        assert store.datasets() == []


@pytest.mark.parametrize("rate", ["0", "-1", "1.5", "nan"])
def test_a_sample_rate_is_a_share(rate: str, tmp_path: Path, capsys: Capture) -> None:
    ran = costopt(capsys, "ingest", NATIVE, "--db", tmp_path / "l", "--sample-rate", rate)
    assert ran.code == 2


def test_sets_of_different_sampling_do_not_mix(tmp_path: Path, capsys: Capture) -> None:
    db = tmp_path / "l.duckdb"
    told(capsys, NATIVE, "--db", db)
    ran = costopt(capsys, "ingest", SAMPLES / "bare-chat", "--db", db, "--sample-rate", "0.1")
    assert ran.code == 2
    assert "unsampled" in ran.err


def test_no_content_keeps_no_text(tmp_path: Path, capsys: Capture) -> None:
    db = tmp_path / "l.duckdb"
    told(capsys, NATIVE, "--db", db, "--no-content")
    with Store.open(db) as store:
        assert not store.load("ingested").segments.has_text.any()
    assert b"Which colour" not in db.read_bytes()


def test_stdin_and_another_process(tmp_path: Path) -> None:
    db = tmp_path / "l.duckdb"
    command = [sys.executable, "-m", "costopt", "ingest", "-", "--db", str(db), "--json"]
    done = subprocess.run(command, input=NATIVE.read_bytes(), capture_output=True, check=True)
    assert json.loads(done.stdout)["calls"] == 5
    with Store.open(db):
        held = subprocess.run(command, input=NATIVE.read_bytes(), capture_output=True, check=False)
    assert held.returncode == 2
    assert b"another process holds this store" in held.stderr
    assert b"Traceback" not in held.stderr


# A runner in the background may have told its children to ignore Ctrl-C.
LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from costopt.cli.main import main
main()
"""


def test_ctrl_c_leaves_the_store_as_it_was(tmp_path: Path, capsys: Capture) -> None:
    db = tmp_path / "l.duckdb"
    told(capsys, NATIVE, "--db", db)
    command = [sys.executable, "-c", LISTENING, "ingest", "-", "--db", str(db)]
    line = NATIVE.read_bytes().splitlines()[0].replace(b"chatcmpl-", b"chatcmpl-%d") + b"\n"
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert child.stdin is not None and child.stderr is not None
        child.stdin.write(b"".join(line % number for number in range(20_000)))
        child.stdin.flush()
        child.send_signal(signal.SIGINT)
        assert child.wait(30) == 130
        said = child.stderr.read()
    finally:
        child.kill()
        with contextlib.suppress(BrokenPipeError):
            child.communicate()
    assert b"stopped" in said and b"Traceback" not in said
    with Store.open(db) as store:
        assert store.load("ingested").n == 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.duckdb"]
