"""`sweep` end to end, on the packed sample: its points are those of `simulate`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from costopt.model.escape import width_of
from tests.cli.run import Ran, costopt

SAMPLE = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"
POLICY = "version: 1\nlayers:\n- trim_tools: {max_tokens: 600}\n- window: {turns: 8}\n"
SET = ("--set", "trim_tools.max_tokens=400:800:200", "--set", "window.slide_every=1,4")


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)


def ok(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    ran = costopt(capsys, *arguments)
    assert ran.code == 0, ran.err
    return ran


def test_points_are_those_of_simulate(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(ok(capsys, "sweep", SAMPLE, *SET, "--json", "-q").out)
    assert found["schema"] == "costopt.sweep/1"
    points = found["points"]
    assert [tuple(p["settings"].values()) for p in points] == [
        (size, slide) for size in (400, 600, 800) for slide in (1, 4)
    ]
    for point in points[1:3]:
        size, slide = point["settings"].values()
        Path("one.yaml").write_text(
            f"version: 1\nlayers:\n- trim_tools: {{max_tokens: {size}}}\n"
            f"- window: {{turns: 8, slide_every: {slide}}}\n"
        )
        alone = json.loads(ok(capsys, "simulate", "--policy", "one.yaml", "--json", "-q").out)
        for name in ("projected_usd", "savings_usd"):
            assert point[name] == alone["projection"][name]
        steps = [row["step_usd"] for row in alone["projection"]["layers"]]
        assert [row["step_usd"] for row in point["layers"]] == steps


@pytest.mark.parametrize("width", [80, 60])
def test_table_csv_and_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ran = ok(capsys, "sweep", SAMPLE, *SET, "--out", "s/s.csv", "--png", "s/s.png", "-q")
    lines = ran.out.splitlines()
    assert max(map(width_of, lines)) <= width
    rows = list(csv.DictReader(io.StringIO(Path("s/s.csv").read_text())))
    assert len(rows) == 6
    assert {r["pareto"] for r in rows} == {"True", "False"}
    marked = [line.startswith("* ") for line in lines if "$" in line and "Bill" not in line]
    assert marked == [r["pareto"] == "True" for r in rows]
    first = Path("s/s.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    ok(capsys, "sweep", *SET, "--png", "again.png", "-q")
    assert Path("again.png").read_bytes() == first
    assert ok(capsys, "sweep", *SET, "--out", "-", "-q").out == Path("s/s.csv").read_text()


def test_many_points_are_shown_as_those_worth_a_look(capsys: pytest.CaptureFixture[str]) -> None:
    ran = ok(capsys, "sweep", SAMPLE, "--set", "trim_tools.overhead_tokens=1:40:1", "-q")
    lines = ran.out.splitlines()
    assert len(lines) <= 40
    assert any("10 points not shown" in line for line in lines)


def test_a_wrong_name_is_told_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    ran = costopt(capsys, "sweep", "missing.jsonl", "--set", "windw.turns=4")
    assert ran.code == 2
    assert "Did you mean `window`?" in ran.err
    assert costopt(capsys, "sweep", SAMPLE).code == 2
    ran = costopt(capsys, "sweep", SAMPLE, *SET, "--out", "policy.yaml/x.csv", "-q")
    assert ran.code == 2
    assert "cannot write it" in ran.err
