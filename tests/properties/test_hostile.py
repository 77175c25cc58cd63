"""Names and texts that would act on their reader: inert in every output, and no key in the clear."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.run import costopt
from tests.properties.auditing import UNSAFE
from tests.properties.logs import rows, written

SECRET = "sk-proj-Zx9aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789"
NAMES = (
    "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07", "<script>alert(1)</script><img src=x>",
    "[click](javascript:alert(1)) ![i](http://evil.example/p.png) `x` | a", '=HYPERLINK("x")', "-2+3",
    "\u202egnp.exe\u2066x", "a\x00b\x07c\x85d\u2028e\rf\ng", SECRET, "\ud800lone", "@SUM(1)", "\t=1",
    "{{7*7}} {% raw %}", "'; DROP TABLE calls;--", "B" * 10_000_000,
)  # fmt: skip


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions whose every name is hostile, keys in their texts, in a file with a hostile name."""
    made = rows(sessions=len(NAMES), steps=4)
    for row in made:
        at = int(row["session_id"][1:])
        first, second = NAMES[at], NAMES[(at + 3) % len(NAMES)]
        short, words = first[:300], f"key {SECRET} of {row['id']} "
        row |= {"agent": first if row["id"].endswith("-0") else short, "task": second[:300]}
        row |= {"tenant": short, "tags": [short, "prod"], "metadata": {short: second[:300]}}
        row["session_id"] = f"{short} {at}"
        tool = {"type": "function", "function": {"name": short}}
        said = [dict(message) for message in row["request"]["messages"]]
        said[0]["content"] = words + short + said[0]["content"]
        row["request"] = row["request"] | {"tools": [tool], "messages": said}
        if at % 4 == 1 and row["response"] and "model" in row["response"]:
            row["request"]["model"] = row["response"]["model"] = short
    place = tmp_path_factory.mktemp("hostile") / "evil\x1b[31m<b>.jsonl"
    return written(place, made)


def inert(text: str) -> None:
    found = UNSAFE.search(text.replace("\n", "").replace("\t", ""))
    assert found is None, text[max(0, found.start() - 80) : found.end() + 20].encode(
        "unicode_escape"
    )
    assert SECRET not in text


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.bad: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            elsewhere = name in ("href", "src", "action") and not (value or "").startswith("#")
            if elsewhere or name.startswith("on"):
                self.bad.append((tag, name, value))
        if tag in ("img", "iframe", "object", "embed", "base"):
            self.bad.append(tag)


def test_every_output_is_inert(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = tmp_path / "ledger.duckdb"
    kept = ("--db", db)
    commands = [
        ("audit", log, *kept), ("audit", *kept, "--json"), ("audit", *kept, "--by", "agent,task,tags"),
        ("show", "F1", *kept), ("show", "F2", *kept, "--json"), ("checklist", *kept), ("store", "ls", *kept),
    ]  # fmt: skip
    for command in commands:
        ran = costopt(capsys, *command)
        assert ran.code == 0, ran.err
        inert(ran.out + ran.err)
        if "--json" in command:
            json.loads(ran.out)


def test_every_file_is_inert(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = ("--db", tmp_path / "ledger.duckdb")
    table, focus, page, text = (tmp_path / n for n in ("c.csv", "f.csv", "r.html", "r.md"))
    assert costopt(capsys, "audit", log, *kept, "--quiet").code == 0
    for command in (("calls", "--out", table), ("calls", "--focus", "--out", focus),
                    ("report", "--html", page, "--md", text)):  # fmt: skip
        ran = costopt(capsys, *command, *kept)
        assert ran.code == 0, ran.err
    for file in (table, focus, page, text):
        inert(file.read_text())
        assert file.stat().st_size < 5_000_000, file
    with table.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [c for c in cells if re.match(r"[=+@\t\r]|-[^0-9]|-\d+\D", c)]
    page_read = _Page()
    page_read.feed(page.read_text())
    assert page_read.bad == []
    assert "<script>alert" not in page.read_text()
    assert not re.search(r"(?<!\\)\]\(|<img|<script", text.read_text())
