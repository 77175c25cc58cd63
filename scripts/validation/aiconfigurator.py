"""NVIDIA's aiconfigurator on the same measured rows, where it answers, beside this simulator.

Needs a Python with the package, named by COSTOPT_AICONFIGURATOR_PYTHON (0.12.0 was used). Both sides see a
row's columns alone. It looks kernels up that were measured on the very GPU; this simulator knows a data
sheet and a dozen constants, here those fitted without the row's model (TensorRT-LLM: without all its rows).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.serving.rows import predict
from validation.serving_transfer import PYTHON, core_folder
from validation.table import Table

RUNNER = Path(__file__).parent.parent / "servers" / "aiconfigurator_rows.py"
Row = Mapping[str, str]
Answers = Sequence[Mapping[str, float | str]]


def run(folder: Path, table: Table) -> None:
    """All of it; some minutes, nearly all of them aiconfigurator's."""
    table.title("aiconfigurator beside this simulator: median absolute error, as a user asks")
    if core_folder() is None:
        table.shown("rows", f"none: {PYTHON} names no Python with aiconfigurator")
        return
    with (folder / "ground_truth" / "serving_h100.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    theirs = _theirs(rows)
    ours: Answers = predict(rows)
    for engine in dict.fromkeys(row["engine"] for row in rows):
        _beside(table, engine, rows, theirs, ours)


def _theirs(rows: Sequence[Row]) -> Answers:
    """[row] what aiconfigurator says, each operating point asked once."""
    asked = [json.dumps(_question(row)) for row in rows]
    distinct = list(dict.fromkeys(asked))
    done = subprocess.run(
        [os.environ[PYTHON], str(RUNNER)], input="\n".join(distinct) + "\n", capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    known = dict(zip(distinct, told, strict=True))
    return [known[one] for one in asked]


def _question(row: Row) -> dict[str, str]:
    return {name: value for name, value in row.items() if not name.endswith(("_ms", "_version"))}


def _beside(table: Table, engine: str, rows: Sequence[Row], theirs: Answers, ours: Answers) -> None:
    """One engine's rows."""
    places = [i for i, row in enumerate(rows) if row["engine"] == engine]
    both = [i for i in places if "ttft_ms" in theirs[i] and ours[i]["ttft_ms"] is not None]
    table.shown(f"{engine}: rows, answered by aiconfigurator", len(both), len(places))
    for name in ("tpot", "ttft"):
        figures = [f"{np.median(np.abs(_errors(rows, one, both, name))):.1%}"
                   for one in (theirs, ours)]  # fmt: skip
        table.shown(f"{engine}: {name.upper()}, aiconfigurator | this", " | ".join(figures))


def _errors(
    rows: Sequence[Row], answers: Answers, places: Sequence[int], name: str
) -> NDArray[np.float64]:
    """Relative, of the rows that both answer."""
    column = f"{name}_ms"
    pairs = [(float(answers[i][column]), float(rows[i][column])) for i in places]
    return np.array([answer / measured - 1 for answer, measured in pairs])
