"""`policy` and `simulate` end to end, on the packed sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.model.escape import width_of
from tests.cli.run import Ran, costopt

SAMPLE = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"
POLICY = """\
version: 1
layers:
  - trim_tools: {max_tokens: 600}
  - window: {turns: 8}
  - tool_dedup
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)


def ok(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    ran = costopt(capsys, *arguments)
    assert ran.code == 0, ran.err
    return ran


def test_simulate_fills_the_projection_and_keeps_it_for_the_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from costopt.report.render.schema import PUBLISHED

    result = json.loads(ok(capsys, "simulate", SAMPLE, "--json", "-q").out)
    jsonschema.validate(result, json.loads(PUBLISHED.read_text()))
    found = result["projection"]
    assert [row["layer"] for row in found["layers"]] == ["trim_tools", "window", "tool_dedup"]
    steps = sum(row["step_usd"] for row in found["layers"])
    assert steps == pytest.approx(found["savings_usd"], abs=1e-9)
    assert found["baseline_usd"] - found["projected_usd"] == pytest.approx(found["savings_usd"])
    shares = sum(row["shapley_usd"] for row in found["layers"])
    assert shares == pytest.approx(found["savings_usd"], abs=1e-9)
    again = json.loads(ok(capsys, "report", "--json", "-q").out)
    assert again["projection"] == found
    plain = json.loads(ok(capsys, "simulate", "--no-shapley", "--json", "-q").out)["projection"]
    assert {row["shapley_usd"] for row in plain["layers"]} == {None}
    assert plain["savings_usd"] == found["savings_usd"]


def test_workers_give_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    here = ok(capsys, "simulate", SAMPLE, "--json", "-q").out
    assert ok(capsys, "simulate", "--json", "-q", "--workers", "2").out == here


def test_every_number_of_a_projection_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    from costopt.wiring.pages import texts

    found = json.loads(ok(capsys, "simulate", SAMPLE, "--json", "-q", "--no-store").out)
    known = set(texts("numbers"))

    def names(value: Any, path: str) -> set[str]:
        if isinstance(value, dict):
            return {n for k, v in value.items() for n in names(v, f"{path}.{k}")}
        if isinstance(value, list):
            return {n for v in value for n in names(v, path)}
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return {path} if number else set()

    inside = {".".join(n.split(".")[:3]) for n in names(found["projection"], "projection")}
    free = {n for n in inside if n not in known and n.rpartition(".")[0] == "projection"}
    assert not free
    assert {n for n in inside if n.startswith("projection.layers.")} <= known | {
        "projection.layers.settings"
    }


@pytest.mark.parametrize("width", [80, 60])
def test_the_screen_fits_and_adds_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = ok(capsys, "simulate", SAMPLE, "-q").out.splitlines()
    assert max(map(width_of, lines)) <= width
    assert len(lines) <= 40
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("LAYER")) :]
    head, rows = (
        table[0].split(),
        [line.split() for line in table[1:] if line[:2].strip().isdigit()],
    )
    assert head[:5] == ["LAYER", "step", "alone", "without", "Shapley"]
    assert [row[1] for row in rows] == ["trim_tools", "window", "tool_dedup"]
    total = next(line.split()[1] for line in table if line.startswith("  together"))
    step = sum(_units(row[2]) for row in rows)
    assert step == _units(total)
    assert sum(_units(row[5]) for row in rows) == _units(total)
    assert any(line.startswith("DON'T   window: costs $") for line in lines)
    assert any(line.startswith("NOTHING tool_dedup: changes no call") for line in lines)
    assert any(line.startswith("Next  ") for line in lines[-2:])


def _units(text: str) -> int:
    """Dollars as shown, in units of their last decimal."""
    return int(text.replace("$", "").replace(".", "").replace(",", ""))


def test_a_wrong_policy_is_told_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.yaml").write_text("version: 1\nlayers:\n- windw: {}\n")
    ran = costopt(capsys, "simulate", "missing.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("costopt: policy.yaml:3  there is no layer `windw`.")
    assert "Did you mean `window`?" in ran.err
    ran = costopt(capsys, "simulate", "missing.jsonl", "--policy", "other.yaml")
    assert ran.code == 2
    assert "costopt policy init" in ran.err
    assert costopt(capsys, "simulate", SAMPLE, "--executor", "proceses").code == 2
    assert costopt(capsys, "simulate", SAMPLE, "--workers", "0").code == 2


def test_a_field_that_the_log_does_not_have(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.yaml").write_text(
        "version: 1\nfields:\n  workflow: metadata.workflw\nlayers:\n"
        "- trim_tools: {match: {agnt: [x]}}\n"
    )
    ran = costopt(capsys, "simulate", SAMPLE, "-q", "--no-store")
    assert ran.code == 2
    assert (
        "policy.yaml:3  `fields`: `workflow`: the log has no field `metadata.workflw`." in ran.err
    )
    assert "Did you mean `metadata.workflow`?" in ran.err
    ran = costopt(capsys, "policy", "check", "policy.yaml", SAMPLE, "-q", "--no-store")
    assert ran.code == 2
    assert "policy.yaml:5  layer `trim_tools`: `match`: the log has no field `agnt`." in ran.err
    assert ran.out == ""
    assert ok(capsys, "policy", "check").out == "policy.yaml: ok, 1 layer\n"


def test_a_model_without_a_price(capsys: pytest.CaptureFixture[str]) -> None:
    Path("policy.yaml").write_text(
        "version: 1\nlayers:\n- trim_tools: {keep: extract, model: nobody-1}\n"
    )
    ran = costopt(capsys, "policy", "check", "policy.yaml", SAMPLE, "-q", "--no-store")
    assert ran.code == 2
    assert "policy.yaml:3  layer `trim_tools`: `model`: no price for model `nobody-1`." in ran.err


def test_init_proposes_a_policy_that_saves(capsys: pytest.CaptureFixture[str]) -> None:
    ran = costopt(capsys, "policy", "init", SAMPLE, "-q")
    assert ran.code == 2
    assert "is there already" in ran.err
    ok(capsys, "policy", "init", SAMPLE, "-q", "--out", "made.yaml")
    text = Path("made.yaml").read_text()
    assert text.startswith("# Proposed by costopt policy init")
    assert "# Left out:" in text
    assert ok(capsys, "policy", "check", "made.yaml", SAMPLE, "-q").out.startswith("made.yaml: ok")
    found = json.loads(ok(capsys, "simulate", "--policy", "made.yaml", "--json", "-q").out)
    layers = found["projection"]["layers"]
    assert all(row["solo_usd"] > 0 and row["verified"] for row in layers)
    assert found["projection"]["savings_usd"] >= 0
    assert ok(capsys, "policy", "init", SAMPLE, "-q", "--out", "-").out == text
    ok(capsys, "policy", "init", SAMPLE, "-q", "--yes")
    assert Path("policy.yaml").read_text() == text


def test_the_schema_of_a_policy_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    schema = json.loads(ok(capsys, "policy", "schema").out)
    settings = schema["properties"]["layers"]["items"]["anyOf"][1]["properties"]
    window = settings["window"]["anyOf"][0]["properties"]
    assert window["turns"]["description"].startswith("Turns")
    assert window["turns"]["default"] == 8


@pytest.mark.parametrize("layer", ["output: {by: [flow]}", "exact_cache: {scope: [flow]}"])
def test_a_column_that_is_not_there_is_told_with_its_line(
    layer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.yaml").write_text(f"version: 1\nlayers:\n  - {layer}\n")
    ran = costopt(capsys, "simulate", SAMPLE, "-q")
    assert ran.code == 2 and "policy.yaml:3" in ran.err and "no field `flow`" in ran.err
