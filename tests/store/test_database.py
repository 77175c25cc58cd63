"""Opening a store: its rights, its schema, and what stands in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from costopt.errors import InputError, UsageError
from costopt.store.sql import migrations, query, run, schema_version
from costopt.store.store import Store
from tests.store.making import ListStream, assert_same, random_calls


def test_the_default_folder_is_private_and_ignored_by_git(tmp_path: Path) -> None:
    path = tmp_path / ".costopt" / "ledger.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(random_calls(1))], "d")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    old = duckdb.connect(str(path))
    for number, text in migrations()[:1]:
        old.execute(text)
        run(old, "schema_set", number=str(number))
    old.close()
    with pytest.raises(UsageError, match="older than this costopt"):
        Store.open(path, read_only=True)
    with Store.open(path) as store:
        store.ingest([ListStream(random_calls(1))], "d")
        before = store.load("d")
    with Store.open(path, read_only=True) as store:
        assert_same(before, store.load("d"), ())
        assert store.datasets()[0].name == "d"


def test_calls_of_an_older_schema_have_no_further_parameters(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(random_calls(1))], "d")
    old = duckdb.connect(str(path))
    old.execute("update calls set settings = default; delete from request_settings")
    old.close()
    with Store.open(path, read_only=True) as store:
        trace = store.load("d")
        assert trace.settings.values == ("",) and len(trace.settings.codes) == trace.n


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    Store.open(path).close()
    newer = duckdb.connect(str(path))
    run(newer, "schema_set", number=str(schema_version() + 1))
    newer.close()
    with pytest.raises(UsageError, match="newer costopt"):
        Store.open(path)


def test_a_foreign_or_damaged_file_is_an_input_error(tmp_path: Path) -> None:
    text, foreign, cut = tmp_path / "a.jsonl", tmp_path / "b.duckdb", tmp_path / "c.duckdb"
    text.write_text('{"a": 1}\n' * 100)
    with pytest.raises(InputError, match="no DuckDB file"):
        Store.open(text)
    other = duckdb.connect(str(foreign))
    other.execute("create table t (a int)")
    other.close()
    with pytest.raises(InputError, match="no store of costopt's"):
        Store.open(foreign)
    with Store.open(cut) as store:
        store.ingest([ListStream(random_calls(1))], "d")
    whole = cut.read_bytes()
    cut.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(InputError), Store.open(cut) as store:
        store.texts(store.load("d")).get([0])
    with pytest.raises(InputError, match="no store here"):
        Store.open(tmp_path / "none.duckdb", read_only=True)


def test_flipped_bytes_are_told_and_never_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(random_calls(1, 1000))], "d")
    whole = bytearray(path.read_bytes())
    for at in range(0, len(whole), 50_000):
        damaged = bytearray(whole)
        damaged[at : at + 64] = bytes(64)
        path.write_bytes(bytes(damaged))
        try:
            with Store.open(path) as store:
                store.texts(store.load("d")).get([0])
        except (InputError, UsageError) as error:
            assert error.message


HOLDER = """
import sys
from pathlib import Path
from costopt.store.store import Store
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_store(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"open\n"
        with pytest.raises(UsageError, match=f"process {holder.pid}"):
            Store.open(path)
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(30)
    Store.open(path).close()


def test_opening_it_twice_in_one_process_shares_it(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    with Store.open(path) as one, Store.open(path) as two:
        one.ingest([ListStream(random_calls(1))], "d")
        assert two.last_dataset() == "d"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    # Behind a file no folder can be made, not even by root.
    (tmp_path / "file").write_text("")
    with pytest.raises((UsageError, InputError), match="folder"):
        Store.open(tmp_path / "file" / "x" / "l.duckdb")


def test_a_store_in_memory_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(None) as store:
        store.ingest([ListStream(random_calls(1, 1000))], "d")
        store.compact()
        assert store.load("d").n
    assert not list(tmp_path.iterdir())
    assert "temp_directory" in query("memory_only")


def test_a_store_that_may_not_be_written_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What DuckDB says of a folder without the right to write; said for it, since root has every right.
    def refused(*_: object, **__: object) -> None:
        raise duckdb.IOException('IO Error: Cannot open file "l.duckdb": Permission denied')

    monkeypatch.setattr(duckdb, "connect", refused)
    with pytest.raises(UsageError, match="permission denied") as said:
        Store.open(tmp_path / "l.duckdb")
    assert "--no-store" in said.value.hint
