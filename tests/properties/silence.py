"""Text-less twins of logs: what exporters leave out is left out, every count stays as it was."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

REQUEST = ("messages", "contents", "prompt", "input", "system", "instructions", "systemInstruction",
           "system_instruction", "tools", "functions", "toolConfig")  # fmt: skip
TOOLS = ("tools", "functions", "toolConfig")
"""Fields of a request's body that hold text and nothing else."""
TEXT = frozenset(
    ("content", "text", "thinking", "reasoning", "reasoning_content", "refusal", "arguments", "signature",
     "thought", "response", "completion", "observation", "action", "query", "summary", "partial_json",
     "problem", "patch", "submission", "statusMessage", "status_message", "input", "output", "value",
     "prompt", "response_text", "request_text", "toolUseResult", "parts", "data")
)  # fmt: skip
"""Fields whose text is emptied, wherever they stand; what is no text in them is looked through."""
CALLS = frozenset(("tool_calls", "function_call", "tool_use", "additional_kwargs"))


def silent(value: Any, *, removed: bool) -> Any:
    """The record without its text: `removed` leaves out the fields themselves, else they are emptied."""
    if isinstance(value, list):
        return [silent(v, removed=removed) for v in value]
    if isinstance(value, str) and value[:1] in ("{", "["):  # a body kept as text
        return _cell(value, removed=removed)
    if not isinstance(value, dict):
        return value
    out = {}
    for name, inner in value.items():
        text = name in TOOLS or ((name in REQUEST or name in TEXT) and _is_text(inner))
        if name in CALLS or (text and removed and name in REQUEST):
            continue
        out[name] = type(inner)() if text and inner is not None else silent(inner, removed=removed)
    return out


def _is_text(value: Any) -> bool:
    """Text, or blocks and messages of it: nothing that counts, that is told by its type, or a step."""
    if isinstance(value, dict | list):
        return _MARKS.search(json.dumps(value)) is None
    return isinstance(value, str) and not value.isdigit() and value[:1] not in ("{", "[")


_MARKS = re.compile(r'\w*[tT]oken\w*"\s*:|_call"|"extra"\s*:|"usage"\s*:')


def twin(source: Path, target: Path, *, removed: bool) -> Path:
    """A copy of a sample folder, or of one file, without text."""
    target.mkdir(parents=True, exist_ok=True)
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    for path in files:
        if path.name != "expected.json" and path.is_file():
            (target / path.name).write_bytes(_quiet(path, removed).encode())
        elif path.is_dir():
            twin(path, target / path.name, removed=removed)
    return target


def _quiet(path: Path, removed: bool) -> str:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if path.suffix == ".csv":
        return _quiet_table(text)
    try:
        return json.dumps(silent(json.loads(text), removed=removed))
    except ValueError:
        pass
    if path.suffix == ".json":  # an export that was resumed: two arrays, one behind the other
        return re.sub(r'"(content|text)": "[^"]+"', r'"\1": ""', text)
    return "".join(_quiet_line(line, removed) for line in text.splitlines(keepends=True))


def _quiet_line(line: str, removed: bool) -> str:
    start = line.find("{") if line.startswith(("data:", "{")) else -1
    try:
        value = json.loads(line[start:]) if start >= 0 else None
    except ValueError:
        return line
    if value is None:
        return line
    return line[:start] + json.dumps(silent(value, removed=removed)) + "\n"


def _quiet_table(text: str) -> str:
    rows = list(csv.reader(io.StringIO(text)))
    head = [name.lower() for name in rows[0]]
    silenced = [i for i, name in enumerate(head) if name in ("input", "output", "inputs", "outputs",
                "messages", "request_body", "response_body", "response")]  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(rows[0])
    for row in rows[1:]:
        writer.writerow([_cell(c) if i in silenced else c for i, c in enumerate(row)])
    return out.getvalue()


def _cell(text: str, *, removed: bool = True) -> str:
    for body in (text, text.replace('""', '"')):  # Helicone quotes its tables twice
        try:
            return json.dumps(silent(json.loads(body, strict=False), removed=removed))
        except ValueError:
            continue
    return ""
