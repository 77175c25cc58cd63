"""Open the store's file: private to its owner, one writer at a time, migrated, errors that help."""

from __future__ import annotations

import glob
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from costopt.errors import InputError, UsageError
from costopt.store.sql import migrations, rows, run, schema_version

if TYPE_CHECKING:
    import duckdb

DEFAULT_PATH = Path(".costopt/ledger.duckdb")
MEMORY_LIMIT = "800MB"
"""Of a store on disk: beyond it DuckDB goes to disk, and reading the log has room beside it."""
_DAMAGED = re.compile(r"(?i)corrupt|checksum|invalidated because of a previous")
_DENIED = re.compile(r"(?i)permission denied|read-only file system|no space left on device")
_ELSEWHERE = "Give another file with --db FILE, or keep nothing with --no-store."
_STALE_S = 60
"""Making a store takes a fraction of a second; what stands aside for longer was left by a kill."""
_HOLDER = re.compile(r"held in (.*?) \(PID (\d+)\)")
_MAGIC = b"DUCK"
_MAGIC_AT = 8  # DuckDB's main header: a checksum of 8 bytes, then the magic word


def connect(path: Path | None, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """A connection to the store at `path`, in memory for None; made, and brought up to date.

    Raises UsageError where another process holds it or a newer costopt wrote it, InputError where
    the file is damaged or no store of costopt's.
    """
    if path is None:
        connection = _raw_connect(":memory:", "", read_only=False)
    else:
        _prepare(path, read_only)
        if not read_only:
            with _writable(path):
                spill_folder(path).mkdir(mode=0o700, exist_ok=True)
        connection = _raw_connect(str(path), str(path), read_only=read_only)
    try:
        _migrate(connection, str(path or ""), read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def spill_folder(path: Path) -> Path:
    """Where DuckDB puts what does not fit in memory: prompts too, so its owner alone may look."""
    return path.with_name(path.name + ".tmp")


def _raw_connect(target: str, where: str, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    import duckdb

    # A log's text is data: no extension is ever loaded, no file is read by a query.
    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }
    if target != ":memory:":
        config["memory_limit"] = MEMORY_LIMIT
    before = os.umask(0o077)  # DuckDB makes its file (and its log beside it) by the umask
    try:
        connection = duckdb.connect(target, read_only=read_only, config=config)
    except duckdb.Error as error:
        raise _explained(error, where) from error
    finally:
        os.umask(before)
    if target == ":memory:":
        run(connection, "memory_only")  # nothing on disk was the wish
    return connection


@contextmanager
def explained(where: str) -> Iterator[None]:
    """What the disk or the memory does to a query, as a sentence. Faults of our own pass as they are."""
    import duckdb

    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.OutOfMemoryException as error:
        raise UsageError(
            "there is not enough memory for this.", where=where,
            hint="--no-content keeps no text; --since reads less of the store.",
        ) from error  # fmt: skip
    except duckdb.Error as error:
        text = str(error)
        damaged = (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException)
        if "No space left" in text:
            raise UsageError("the disk of the store is full.", where=where) from error
        if isinstance(error, damaged) or _DAMAGED.search(text):
            raise _explained(error, where) from error
        raise


def _explained(error: Exception, where: str) -> UsageError | InputError:
    text = str(error)
    holder = _HOLDER.search(text)
    if holder:
        return UsageError(
            f"another process holds this store: {Path(holder[1]).name}, process {holder[2]}.",
            where=where,
            hint="Wait until it is done, end it, or use another store with --db FILE (or --no-store).",
        )
    if "same database file with a different configuration" in text:
        return UsageError("this process has the store open already.", where=where)
    denied = _DENIED.search(text)
    if denied:
        return UsageError(
            f"the store cannot be written: {denied[0].lower()}.", where=where, hint=_ELSEWHERE
        )
    return InputError(
        f"the store cannot be opened: {text.splitlines()[0][:200]}",
        where=where,
        hint="Move the file away and read the logs again, or give another one with --db FILE.",
    )


def _prepare(path: Path, read_only: bool) -> None:
    if path.exists() and not _is_empty(path):
        _check_kind(path)
        return
    if read_only:
        raise InputError(
            "there is no store here.", where=str(path), hint="costopt audit TRACES makes one."
        )
    folder = path.parent
    with _writable(folder):
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if made and folder.name == DEFAULT_PATH.parent.name:
            (folder / ".gitignore").write_text("*\n")  # prompts never end in a commit by accident
        _make(path)


@contextmanager
def _writable(place: Path) -> Iterator[None]:
    """What the disk refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"the store cannot be made here: {error.strerror}.", where=str(place), hint=_ELSEWHERE
        ) from error


def _make(path: Path) -> None:
    """A new store, made aside and put into its place whole: a kill leaves none, not half a one."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.new*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.unlink()
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        connection = _raw_connect(str(aside), str(path), read_only=False)
        try:
            _migrate(connection, str(path), read_only=False)
        finally:
            connection.close()
        _put_in_place(aside, path)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _put_in_place(aside: Path, path: Path) -> None:
    """Under its name, unless another process was first: then theirs is the store."""
    if _is_empty(path):
        path.unlink()
    try:
        os.link(aside, path)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not path.exists():
            aside.replace(path)


def _is_empty(path: Path) -> bool:
    """An empty file, as mktemp makes it: no store yet, and nothing that could be lost."""
    try:
        return path.is_file() and path.stat().st_size == 0
    except OSError:
        return False


def is_store(path: Path) -> bool:
    """Whether a DuckDB file stands there."""
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except (OSError, ValueError):
        return False


def _check_kind(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except OSError as error:
        raise UsageError(f"cannot read the store: {error.strerror}.", where=str(path)) from error
    if head and head[_MAGIC_AT:] != _MAGIC:
        raise InputError(
            "this is no DuckDB file.", where=str(path), hint="--db names the store, not a trace."
        )


def _migrate(connection: duckdb.DuckDBPyConnection, where: str, read_only: bool) -> None:
    import duckdb

    try:
        have = _version(connection, where)
        if have > schema_version():
            raise UsageError(
                f"a newer costopt wrote this store (schema {have}, this one knows {schema_version()}).",
                where=where, hint="pip install --upgrade costopt",
            )  # fmt: skip
        pending = [(number, text) for number, text in migrations() if number > have]
        if pending and read_only:
            raise UsageError(
                "this store is older than this costopt.",
                where=where,
                hint="costopt store ls --db FILE",
            )
        for number, text in pending:
            connection.begin()
            connection.execute(text)
            run(connection, "schema_set", number=str(number))
            connection.commit()
    except duckdb.Error as error:
        raise _explained(error, where) from error


def _version(connection: duckdb.DuckDBPyConnection, where: str) -> int:
    tables = {row[0] for row in rows(connection, "tables")}
    if not tables:
        return 0
    if not {"meta", "calls", "segments"} <= tables:
        raise InputError(
            "this DuckDB file is no store of costopt's.",
            where=where,
            hint="--db FILE names another.",
        )
    found = rows(connection, "schema_get")
    return int(found[0][0]) if found else 0
