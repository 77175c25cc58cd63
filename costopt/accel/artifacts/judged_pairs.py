"""A sample of judged pairs from a file: `pairs:FILE.jsonl`, `{"a": ..., "b": ..., "same": true}` a line.

`a` and `b` are ids of calls in the log. Pairs of calls that the log does not have are left out; a pair
judged both ways counts as different.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from costopt.errors import InputError
from costopt.layers.parts.judge import JudgedPairs
from costopt.model.view import View

FORM = "pairs:"
_HINT = 'One object a line: {"a": "call id", "b": "call id", "same": true}'


def judged_pairs(setting: str, view: View) -> JudgedPairs:
    """The pairs of the file that this log has. InputError: no such file, or none of its calls is here."""
    path = Path(setting.removeprefix(FORM)).expanduser()
    row = {call: i for i, call in enumerate(view.trace.id)}
    found: dict[tuple[int, int], bool] = {}
    for number, line in enumerate(_lines(path), 1):
        a, b, same = _pair(line, f"{path}:{number}")
        if a in row and b in row and a != b:
            key = min(row[a], row[b]), max(row[a], row[b])
            found[key] = found.get(key, True) and same
    if not found:
        raise InputError("No judged pair is of this log's calls.", where=str(path), hint=_HINT)
    return JudgedPairs.of(path.name, found, view.trace.n)


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Judged pairs cannot be read: {error}", where=str(path)) from error


def _pair(line: str, where: str) -> tuple[str, str, bool]:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("same"), bool):
        raise InputError("This line is no judged pair.", where=where, hint=_HINT)
    return str(value.get("a")), str(value.get("b")), value["same"]
