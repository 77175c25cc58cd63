"""How the input is laid out changes nothing: order, copies, files, packing, and the format it is in."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import zstandard

from costopt.report.ledger.columns import ledger_table
from costopt.wiring.auditing import Audited
from tests.properties.auditing import audited, check
from tests.properties.logs import lines, rows, written

SAMPLES = Path(__file__).parents[2] / "sample_traces"
_PLACE = ("source_file", "source_line")


def facts(done: Audited) -> dict[str, Any]:
    """Everything that the audit says but where it was read."""
    result = done.result
    table = ledger_table(done.context.trace, done.context.bill).drop_columns(_PLACE)
    return {
        "bill": result.bill, "calls": table.to_pylist(), "sessions": result.sessions,
        "cache": result.prompt_cache, "coverage": result.coverage,
        "findings": [(f.id, f.title, f.usd, f.calls, f.call_ids) for f in result.findings],
        "checklist": [(c.name, c.status, c.value, c.usd) for c in result.checklist],
    }  # fmt: skip


def told(*paths: Path) -> dict[str, Any]:
    with audited(*paths) as done:
        check(done)
        return facts(done)


def same(found: dict[str, Any], base: dict[str, Any]) -> None:
    for name, value in base.items():
        assert found[name] == value, name


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = told(written(tmp_path_factory.mktemp("base") / "calls.jsonl", rows()))
    assert found["bill"].total_usd > 0
    assert found["bill"].missing_usage_calls + found["bill"].estimated_calls > 0
    assert found["bill"].unpriced_calls > 0
    return found


def test_the_order_of_lines(tmp_path: Path, base: dict[str, Any]) -> None:
    mixed = rows()
    random.Random(3).shuffle(mixed)
    same(told(written(tmp_path / "calls.jsonl", mixed)), base)


def test_every_line_twice_and_the_file_again(tmp_path: Path, base: dict[str, Any]) -> None:
    doubled = [row for row in rows() for _ in range(2)]
    written(tmp_path / "a.jsonl", doubled)
    written(tmp_path / "b.jsonl", rows()[::-1])
    same(told(tmp_path), base)


def test_split_over_files_in_any_order(tmp_path: Path, base: dict[str, Any]) -> None:
    parts = [rows()[i::3] for i in range(3)]
    paths = [written(tmp_path / f"{i}.jsonl", part) for i, part in enumerate(parts)]
    same(told(*reversed(paths)), base)


def test_packed(tmp_path: Path, base: dict[str, Any]) -> None:
    """A quarter as gzip, a quarter as zstd, two quarters in an archive, one of them packed again."""
    parts = [b"".join(lines(rows()[i::4])) for i in range(4)]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(parts[0]))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.compress(parts[1]))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("c.jsonl", parts[2])
        archive.writestr("inner/d.jsonl.gz", gzip.compress(parts[3]))
    same(told(tmp_path), base)


def test_one_array_and_other_line_ends(tmp_path: Path, base: dict[str, Any]) -> None:
    half = len(rows()) // 2
    (tmp_path / "a.json").write_text(json.dumps(rows()[:half], indent=1))
    text = b"".join(lines(rows()[half:])).replace(b"\n", b"\r\n\r\n")
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + text)
    same(told(tmp_path), base)


@cache
def native_ids() -> dict[str, bytes]:
    """Lines of the sample log by the id of their answer; an own cache's hit repeats another's.

    A few answers tell no usage here, and a counted one in an export: those are left out.
    """
    found = {}
    for line in (SAMPLES / "traces.jsonl").read_bytes().splitlines(keepends=True):
        row = json.loads(line)
        if row["response"] and row["response"].get("usage") and not row.get("cache_hit"):
            found[row["response"]["id"]] = line
    return found


def _sent_langsmith(row: dict[str, Any]) -> str:
    return str(row["outputs"]["id"]) if row["run_type"] == "llm" else ""


def _sent_helicone(row: dict[str, Any]) -> str:
    return str(row["response_body"]["id"])


@pytest.mark.parametrize(
    ("export", "sent"),
    [("langsmith-support.jsonl", _sent_langsmith), ("helicone-digest.jsonl", _sent_helicone)],
)
def test_the_same_calls_through_two_formats(export: str, sent: Any, tmp_path: Path) -> None:
    exported = (SAMPLES / export).read_bytes().splitlines(keepends=True)
    by_line = [(line, sent(json.loads(line))) for line in exported]
    ids = dict.fromkeys(id for _, id in by_line if id in native_ids())
    native, other = tmp_path / "native.jsonl", tmp_path / "export.jsonl"
    native.write_bytes(b"".join(native_ids()[id] for id in ids))
    other.write_bytes(b"".join(line for line, id in by_line if not id or id in ids))
    with audited(native) as first, audited(other) as second, audited(native, other) as both:
        assert money(first) == money(second) == money(both)
        assert first.context.trace.n == len(ids)
        assert both.result.trace.duplicates >= len(ids)


def money(done: Audited) -> tuple[int, int, list[tuple[int, list[int], str]]]:
    """Dollars and counts of every call, whatever the log calls it."""
    trace, bill = done.context.trace, done.context.bill
    model = trace.dims["model"]
    calls = [
        (int(usd), leaves, model.values[code])
        for usd, leaves, code in zip(
            bill.net_pusd, trace.leaves.tolist(), model.codes.tolist(), strict=True
        )
    ]
    return trace.n, bill.total_pusd, sorted(calls)
