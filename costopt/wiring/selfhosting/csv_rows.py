"""A CSV of operating points, read so that no row is lost, and written so that no cell acts on its reader."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costopt.errors import InputError, nearest
from costopt.wiring.writing import told

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_ACTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, https://owasp.org/www-community/attacks/CSV_Injection,
checked 2026-11-25."""
_BOMS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


_OPEN = "a quote is left open"
_MOST_LINES = 50
"""Of one record."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file."""

    number: int
    """Of its line, from 1."""
    cells: Mapping[str, str]
    broken: str = ""
    """Why it is no row; empty: it is one."""


@dataclass(frozen=True)
class Sheet:
    """The file: its columns in order, and every row."""

    columns: tuple[str, ...]
    lines: list[Line] = field(default_factory=list)


def read_sheet(path: Path, needed: Sequence[str], known: Sequence[str]) -> Sheet:
    """`-` is stdin. InputError: it cannot be read, is empty, or lacks a column."""
    text = _text(path)
    where = "stdin" if str(path) == "-" else str(path)
    physical = re.split(r"\r\n|\n|\r", text)
    delimiter = ";" if physical[0].count(";") > physical[0].count(",") else ","
    records = _records(physical, delimiter)
    head = next(records, None)
    if head is None or not any(head[1]):
        raise InputError("the file is empty.", where=where, hint=f"Its columns: {', '.join(known)}")
    columns = tuple(name.strip() for name in head[1])
    missing = [name for name in needed if name not in columns]
    if missing:
        near = nearest(missing[0], columns)
        raise InputError(
            f"the column {missing[0]} is missing." if len(missing) == 1
            else f"the columns {', '.join(missing)} are missing.",
            where=where, hint=near or f"Its columns: {', '.join(known)}",
        )  # fmt: skip
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"the column {twice[0]} is there twice.", where=where)
    return Sheet(columns, [_line(columns, *record) for record in records])


def _line(columns: Sequence[str], number: int, cells: Sequence[str], wrong: str) -> Line:
    found = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
    if not wrong and len(cells) != len(columns):
        wrong = f"{len(cells)} cells for {len(columns)} columns"
    return Line(number, found, wrong)


def _records(physical: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, what is wrong). A record goes over several lines only where its quotes close and none
    of its lines would be a row: a quote that is left open would swallow all that follow."""
    place, width = 0, 0
    while place < len(physical):
        if not physical[place].strip():
            place += 1
            continue
        cells, taken = _record(physical[place : place + _MOST_LINES], delimiter, width)
        if taken:
            yield place + 1, cells, ""
        else:
            yield place + 1, _alone(physical[place], delimiter), _OPEN
        width = width or len(cells)
        place += max(taken, 1)


def _record(lines: Sequence[str], delimiter: str, width: int) -> tuple[list[str], int]:
    """Cells of the record that begins here, and its lines; ([], 0): its quotes do not close."""
    for taken in range(1, len(lines) + 1):
        if taken > 1:
            if len(_alone(lines[taken - 1], delimiter)) == width:
                return [], 0
            if '"' not in lines[taken - 1]:
                continue
        try:
            reader = csv.reader(
                io.StringIO("\n".join(lines[:taken])), delimiter=delimiter, strict=True
            )
            return next(reader), taken
        except csv.Error as error:
            if "unexpected end" not in str(
                error
            ):  # letters behind a closing quote: taken as they are
                return next(csv.reader([lines[0]], delimiter=delimiter)), 1
    return [], 0


def _alone(line: str, delimiter: str) -> list[str]:
    """A line by itself, its quotes taken as letters."""
    return next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])


def _text(path: Path) -> str:
    if str(path) == "-":
        raw = sys.stdin.buffer.read()
    else:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    coding = next((name for mark, name in _BOMS if raw.startswith(mark)), "utf-8")
    csv.field_size_limit(max(len(raw), 131_072))
    return raw.decode(coding, "replace").replace("\0", "\ufffd")


def write_sheet(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """`-` is stdout. Numbers in the shortest form that keeps six digits, nothing for what is not known."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([harmless(name) for name in columns])
    writer.writerows([[harmless(_cell(row.get(name))) for name in columns] for row in rows])
    if str(path) == "-":
        sys.stdout.write(out.getvalue())
        return
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(out.getvalue(), encoding="utf-8", newline="")


def harmless(text: str) -> str:
    """The cell as text that no spreadsheet computes; numbers stay numbers."""
    begins = text.lstrip(" ")
    return f"'{text}" if begins.startswith(_ACTS) and not NUMBER.fullmatch(begins) else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
