"""Evidence kept with a data set changes the next simulate, audit and sweep of it, and goes with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from costopt.engine.settings import settings_of
from costopt.layers.discover import name_of
from costopt.layers.trim_tools import TrimTools
from costopt.store.database import DEFAULT_PATH
from costopt.store.store import Store
from tests.cli.run import costopt

SAMPLE = Path(__file__).parent.parent.parent / "sample_traces" / "traces.jsonl"
AT_US = 1_795_564_800_000_000
"""2026-11-25."""
POLICY = """\
version: 1
layers:
  - trim_tools: {max_tokens: 600}
  - tool_dedup
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)


def keep(layer: Any = None, run: int = 7, **more: Any) -> None:
    """What a replay would write back of the policy's first layer."""
    layer = layer or TrimTools(max_tokens=600)
    found = {
        "settings": settings_of(layer, {}), "model": "", "replayed_answers": 500, "answers_differ": 5,
        "noise_answers": 500, "noise_differ": 5, "sessions": 60, "ci95": [-0.01, 0.01],
        "output_ratio": 1.3, "output_ratio_ci95": [1.1, 1.5], "outputs": 500, **more,
    }  # fmt: skip
    keep_as(name_of(layer), found, run)


def keep_as(layer: str, found: dict[str, Any], run: int = 7) -> None:
    with Store.open(DEFAULT_PATH) as store:
        dataset = store.last_dataset()
        assert dataset is not None
        store.save_evidence(dataset, run, AT_US, {layer: found})


def simulated(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    ran = costopt(capsys, "simulate", "--no-shapley", "--json", "-q", *more)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)["projection"]
    return found


def test_simulate_takes_what_was_measured_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    before = simulated(capsys, str(SAMPLE))
    keep()
    after = simulated(capsys)
    row, was = after["layers"][0], before["layers"][0]
    assert row["measured"] == ["risk", "output_ratio"] and row["measured_run"] == 7
    assert was["measured"] == [] and was["measured_run"] is None
    assert row["step_usd"] < was["step_usd"] and row["verified"] and row["basis"] == "measured"
    assert after["ci_parts"]["assumptions"] != before["ci_parts"]["assumptions"]
    assert after["notes"][0] == "1 of 2 layers carries measurements of replay 7 (2026-11-25)."
    assert after["layers"][1]["measured"] == []
    screen = costopt(capsys, "simulate", SAMPLE, "-q").out  # reading the same log again keeps it
    assert "MEASURED trim_tools: measured by replay 7 (2026-11-25)" in screen
    report = costopt(capsys, "report", "--md", "-", "-q").out
    assert "verified, measured" in report
    assert "Measured by replays: 1 trim_tools: risk, output ratio" in report.replace("\\", "")


def test_an_audit_and_its_first_steps_count_it(capsys: pytest.CaptureFixture[str]) -> None:
    first = costopt(capsys, "audit", SAMPLE, "-q").out
    assert "projected, not yet replayed" in first
    found = json.loads(costopt(capsys, "audit", "--json", "-q").out)["projection"]["layers"]
    row = next(r for r in found if r["verified_step_usd"])
    told = {"settings": row["settings"], "replayed_answers": 90, "answers_differ": 0}
    keep_as(row["layer"], told | {"noise_answers": 90, "noise_differ": 0, "ci95": [-0.01, 0.01]})
    again = costopt(capsys, "audit", "-q").out
    layers = "1 layer" if len(found) == 1 else f"{len(found)} layers"
    assert f"replayed: 1 of {layers} measured" in " ".join(again.split())
    assert "not yet replayed" not in again


def test_other_settings_are_not_taken_for_measured(capsys: pytest.CaptureFixture[str]) -> None:
    before = simulated(capsys, str(SAMPLE))
    keep(TrimTools(max_tokens=500))
    after = simulated(capsys)
    assert after["savings_usd"] == before["savings_usd"]
    assert after["layers"][0]["measured"] == []
    assert any("at other settings (max_tokens)" in n for n in after["layers"][0]["notes"])
    swept = costopt(capsys, "sweep", "--set", "trim_tools.max_tokens=500,600", "--json", "-q")
    assert swept.code == 0, swept.err
    points = json.loads(swept.out)["points"]
    assert [p["layers"][0]["measured_run"] for p in points] == [7, None]


def test_a_replay_predicts_without_what_earlier_ones_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from costopt.wiring.request import TraceOptions
    from costopt.wiring.simulating import evidence_of, prepare

    simulated(capsys, str(SAMPLE))
    keep()
    options = TraceOptions(quiet=True)
    with_it = prepare(options, Path("policy.yaml"))
    with_it.reading.store.close()
    without = prepare(options, Path("policy.yaml"), measured=False)
    assert with_it.evaluator.evidence is not None and without.evaluator.evidence is None
    assert set(evidence_of(without.reading)) == {"trim_tools"}
    without.reading.store.close()


def test_forgetting_the_data_set_forgets_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert costopt(capsys, "calls", SAMPLE, "--out", "calls.csv", "-q").code == 0
    keep()
    with Store.open(DEFAULT_PATH) as store:
        dataset = str(store.last_dataset())
        assert store.evidence(dataset)
    assert costopt(capsys, "store", "rm", SAMPLE).code == 0
    with Store.open(DEFAULT_PATH) as store:
        assert store.evidence(dataset) == {}
