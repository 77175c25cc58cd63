"""NVIDIA's aiconfigurator on the same measured rows, where it answers, beside this simulator.

Needs a Python with the package, named by COSTOPT_AICONFIGURATOR_PYTHON (0.12.0 was used). It looks kernels up
that were measured on the very GPU; this simulator knows a data sheet and a dozen constants, fitted here
without the row's model (TensorRT-LLM: without any of its rows). Both are asked as a user asks, by a row's
columns alone, and this one once more with the client of the benchmark.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.serving.efficiency import shipped
from validation.serving_fits import Variant, left_out, only
from validation.serving_transfer import PYTHON, core_folder
from validation.table import Table

sys.path.insert(0, str(Path(__file__).parent.parent))
from fit_serving import Measured, answers, as_driven, as_users, read_rows

RUNNER = Path(__file__).parent.parent / "servers" / "aiconfigurator_rows.py"
Float = NDArray[np.float64]
Pairs = list[tuple[float, float]]
"""[row] (TTFT, TPOT) in ms; NaN where a side refuses."""


def run(folder: Path, table: Table) -> None:
    """All of it; some minutes, nearly all of them aiconfigurator's."""
    table.title("aiconfigurator beside this simulator: median absolute error")
    if core_folder() is None:
        table.shown("rows", f"none: {PYTHON} names no Python with aiconfigurator")
        return
    path = folder / "ground_truth" / "serving_h100.csv"
    with path.open(newline="", encoding="utf-8") as file:
        theirs, refused = _theirs(list(csv.DictReader(file)))
    rows = as_driven(read_rows(path))
    plain, driven = _ours(rows)
    for engine in dict.fromkeys(row.engine for row in rows):
        chosen = np.array([row.engine == engine for row in rows])
        sides = {"aiconfigurator": theirs, "this": plain, "this, the client known": driven}
        _beside(table, engine, rows, chosen, {k: np.array(v) for k, v in sides.items()})
    for reason, count in refused.most_common():
        table.shown(f"rows that aiconfigurator refuses: {reason}", count)


def _theirs(rows: Sequence[Mapping[str, str]]) -> tuple[Pairs, Counter[str]]:
    """What aiconfigurator says, each operating point asked once; its reasons where it says nothing."""
    asked = [json.dumps(_question(row)) for row in rows]
    distinct = list(dict.fromkeys(asked))
    done = subprocess.run(
        [os.environ[PYTHON], str(RUNNER)], input="\n".join(distinct) + "\n", capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    known = dict(zip(distinct, told, strict=True))
    nan = float("nan")
    said = [(known[q].get("ttft_ms", nan), known[q].get("tpot_ms", nan)) for q in asked]
    reasons = Counter(known[q]["refused"].split(":")[0] for q in asked if "refused" in known[q])
    return said, reasons


def _question(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if not name.endswith(("_ms", "_version"))}


def _ours(rows: Sequence[Measured]) -> tuple[Pairs, Pairs]:
    """(as a user asks, as the benchmark's client drove it), by constants that saw no such row."""
    vllm = [row for row in rows if row.engine == "vllm"]
    values = {m: fitted for m, (fitted, _) in left_out([(Variant("as it is"), vllm)])[0].items()}
    out: list[Pairs] = []
    for asked in (as_users(rows), list(rows)):
        found: dict[int, tuple[float, float]] = {}
        for engine, model in dict.fromkeys((row.engine, row.model) for row in asked):
            part = [row for row in only(asked, model) if row.engine == engine]
            constants = values[model] if engine == "vllm" else shipped()
            for row, one in zip(part, answers(part, constants), strict=True):
                found[id(row)] = one.ttft_ms, one.tpot_ms
        out.append([found[id(row)] for row in asked])
    return out[0], out[1]


def _beside(
    table: Table, engine: str, rows: Sequence[Measured], chosen: NDArray[np.bool_],
    sides: Mapping[str, Float],
) -> None:  # fmt: skip
    """One engine's rows; errors over those that every side answers."""
    both = chosen & np.all([np.isfinite(one).all(axis=1) for one in sides.values()], axis=0)
    answered = int((chosen & np.isfinite(sides["aiconfigurator"]).all(axis=1)).sum())
    table.shown(f"{engine}: rows, answered by aiconfigurator", answered, int(chosen.sum()))
    measured = np.array([(row.ttft_ms, row.tpot_ms) for row in rows])
    for place, name in ((1, "TPOT"), (0, "TTFT")):
        for side, said in sides.items():
            errors = np.abs(said[both, place] / measured[both, place] - 1)
            table.shown(f"{engine}: {name}, {side}", f"{np.median(errors):.1%}")
