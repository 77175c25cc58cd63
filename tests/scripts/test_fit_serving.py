"""The fit of the serving constants: rows made with known constants are explained by what it finds."""

from __future__ import annotations

import csv
import importlib
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from costopt.serving.efficiency import Efficiencies
from costopt.serving.rows import INPUT, predict

pytest.importorskip("numba")
pytest.importorskip("scipy")
SCRIPTS = Path(__file__).parents[2] / "scripts"
TRUE = replace(Efficiencies(), gemm=0.5, memory=0.9, step_s=3e-3)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Eight points of a small model, with one measured by somebody who was off by a factor of five."""
    rows = [
        dict(zip(INPUT, ("llama-3.2-1b", gpu, "vllm", "", size, 32, 1, 1, busy), strict=True))
        for gpu in ("h100", "l4")
        for size, busy in ((64, 1), (64, 8), (2000, 1), (2000, 4))
    ]
    found = predict(rows, TRUE)
    found[0]["ttft_ms"] *= 5
    file = tmp_path / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return file


def test_known_constants_come_back(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    fit_serving = importlib.import_module("fit_serving")

    rows = fit_serving.read_rows(table)
    fitted = fit_serving.fit(rows, turns=6)
    found = fit_serving.answers(rows, fitted)
    ttft, tpot = fit_serving.log_errors(rows, found)
    assert np.median(np.abs(tpot)) < 0.02
    assert np.median(np.abs(ttft)) < 0.05
    assert abs(np.log(fitted.step_s / TRUE.step_s)) < abs(np.log(1e-3 / TRUE.step_s)) / 2


def test_the_command_shows_bounds_and_residuals(
    table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fit_serving.py", str(table)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPTS / "fit_serving.py"), run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "in 0.3 .. 0.95" in said
    assert "8 rows" in said
