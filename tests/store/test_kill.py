"""A kill at any moment leaves a store that opens, holds what it held, and can go on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from costopt.store import database
from costopt.store.store import Store
from tests.store.making import ListStream, assert_same, random_calls

KEPT, KILLED = random_calls(1), 3000
CHILD = """
import sys
from pathlib import Path
from costopt.store.store import Store
from tests.store.making import ListStream, random_calls
calls = random_calls(2, int(sys.argv[2]))
with Store.open(Path(sys.argv[1])) as store:
    print("started", flush=True)
    for turn in range(1000):
        store.ingest([ListStream(calls[turn * 7 % 500:]), ListStream(calls)], f"set {turn % 3}")
        if turn % 4 == 3:
            store.remove(f"set {turn % 3}")
            store.compact()
"""


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_in_the_middle_of_work(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(KEPT)], "kept")
        before = store.load("kept")
    _killed(path, 0.05 + random.Random(seed).random() * 0.8)
    with Store.open(path) as store:
        assert_same(before, store.load("kept"), ())
        whole = _whole()
        for info in store.datasets():
            if info.name != "kept":
                assert store.load(info.name).n == whole
        store.ingest([ListStream(random_calls(2, KILLED))], "set 0")
        assert store.load("set 0").n == whole
        assert store.last_dataset() == "set 0"


def test_a_kill_while_the_store_is_made(tmp_path: Path) -> None:
    for wait in (0.0, 0.005, 0.02):
        path = tmp_path / f"{wait}.duckdb"
        _killed(path, wait)
        with Store.open(path) as store:
            store.ingest([ListStream(KEPT)], "kept")
            assert store.load("kept").n


def _whole() -> int:
    with Store.open(None) as store:
        return store.ingest([ListStream(random_calls(2, KILLED))], "d").calls


def _killed(path: Path, after_s: float) -> None:
    command = [sys.executable, "-c", CHILD, str(path), str(KILLED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as child:
        assert child.stdout is not None
        if after_s >= 0.05:
            assert child.stdout.readline() == b"started\n"
        else:
            while not path.exists() and child.poll() is None:
                time.sleep(0.0005)
        time.sleep(after_s)
        assert child.poll() is None, "it was to be killed at work"
        child.kill()


def test_a_kill_leaves_no_half_made_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the schema is complete nothing stands under the store's name; what was left aside goes."""
    path, seen = tmp_path / "l.duckdb", []

    def killed(*_: object) -> None:
        seen.extend(p.name for p in tmp_path.iterdir())
        raise KeyboardInterrupt

    left = tmp_path / "l.duckdb.0123abcd.new"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    monkeypatch.setattr(database, "_put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        Store.open(path)
    assert len(seen) == 1 and seen[0].endswith(".new") and seen[0] != left.name
    monkeypatch.undo()
    Store.open(path).close()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_another_process_may_make_the_store_first(tmp_path: Path) -> None:
    path, other = tmp_path / "l.duckdb", tmp_path / "other.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(KEPT)], "kept")
    Store.open(other).close()
    database._put_in_place(other, path)
    with Store.open(path) as store:
        assert store.last_dataset() == "kept"


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    path.touch()
    Store.open(path).close()
    assert path.stat().st_size and path.stat().st_mode & 0o777 == 0o600
