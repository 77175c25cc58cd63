"""Run the product as a user does, in an empty folder: the audit's result and the ledger behind it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

TOKENS = {
    "input": "input_tokens", "input_fresh": "input_fresh", "input_cache_read": "cache_read",
    "output": "output_tokens", "output_reasoning": "reasoning",
}  # fmt: skip
WRITES = (
    "cache_write_5m",
    "cache_write_1h",
    "cache_write_30m",
    "cache_write_12h",
    "cache_write_other",
)


@dataclass(frozen=True)
class Ran:
    """`costopt audit --json` and `costopt calls` over what it stored."""

    result: dict[str, Any]
    calls: list[dict[str, Any]]
    seconds: float
    """Of the audit, start of the process included."""

    @property
    def bill(self) -> dict[str, Any]:
        found: dict[str, Any] = self.result["bill"]
        return found

    @property
    def billed(self) -> list[dict[str, Any]]:
        """Of these, those whose counts are in the bill: counts made from text can stand beside it."""
        return [c for c in self.served if c["price_status"] != "no_usage"]

    @property
    def served(self) -> list[dict[str, Any]]:
        """Calls that a provider answered, or failed to."""
        return [c for c in self.calls if c["status"] != "gateway_hit"]

    def usd(self, column: str = "usd") -> Decimal:
        """Exact sum of a column of amounts; an unknown one adds nothing."""
        return sum((Decimal(c[column]) for c in self.calls if c[column] is not None), Decimal(0))


def total(rows: list[dict[str, Any]], *columns: str) -> int:
    """Sum of token columns; an empty cell is a call without usage."""
    return sum(row[column] or 0 for row in rows for column in columns)


class Refused(Exception):
    """The command ended with another exit code than 0."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


def fresh(*traces: Path, extra: tuple[str, ...] = ()) -> Ran:
    """In processes of their own, as they are timed."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        said = _process(folder, "audit", *map(str, traces), "--json", *extra)
        seconds = time.perf_counter() - started
        _process(folder, "calls", "--out", "calls.jsonl", *extra)
        return Ran(json.loads(said), list(_lines(Path(folder) / "calls.jsonl")), seconds)


def _process(folder: str, *arguments: str) -> str:
    command = [sys.executable, "-m", "costopt", *arguments]
    done = subprocess.run(command, capture_output=True, cwd=folder, check=False)
    if done.returncode:
        raise Refused(done.returncode, done.stderr.decode())
    return done.stdout.decode()


def here(*traces: Path, extra: tuple[str, ...] = (), ledger: bool = True) -> Ran:
    """The same in this process, for many small files; without the ledger `calls` is empty."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        started = time.perf_counter()
        result = json.loads(command("audit", *map(str, traces), "--json", *extra))
        seconds = time.perf_counter() - started
        if not ledger:
            return Ran(result, [], seconds)
        command("calls", "--out", "calls.jsonl")
        return Ran(result, list(_lines(Path("calls.jsonl"))), seconds)


def command(*arguments: str) -> str:
    """`costopt ARGUMENTS` in this process and the current folder: its stdout. Raises Refused."""
    from costopt.cli.main import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(list(arguments))
        except SystemExit as done:
            code = int(done.code or 0)
    if code:
        raise Refused(code, err.getvalue())
    return out.getvalue()


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as stream:
        yield from map(json.loads, stream)


def files_in(folder: Path) -> list[Path]:
    """All files below, in order; a folder's expectation is none of them."""
    found = (p for p in folder.rglob("*") if p.is_file() and p.name != "expected.json")
    return sorted(found)
