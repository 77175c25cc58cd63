"""Fit the serving constants to measured operating points and write them where the package reads them.

    python scripts/fit_serving.py ROWS.csv [--write] [--prior 0.05]

ROWS has the columns of `costopt selfhost predict` and `ttft_ms`, `tpot_ms`. Bounded least squares on
log errors of both, each dampened beyond 10 % (Cauchy's loss: some rows of any collection come from a
harness that its columns do not describe, and must not bend physics), with a weak pull
towards the priors, so that a constant that the rows do not show stays where physics puts it. Prints
every constant with its bounds, then the residuals by model. Rows are simulated as the benchmark drove
them that `serving_collections.py` tells by their grid, or with `--plain` as a user's would be.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine
from costopt.serving.hardware import Gpu
from costopt.serving.harness import PLAIN, Harness
from costopt.serving.models import ModelShape
from costopt.serving.predict import Answer, Point, answer
from costopt.serving.rows import point_of

sys.path.insert(0, str(Path(__file__).parent))
from serving_collections import harness_of

DATA = Path(__file__).parent.parent / "costopt" / "serving" / "data" / "efficiencies.json"
SOFT = 0.1
"""Log errors beyond it count less and less."""
PRIOR = 0.05
"""Weight of a log distance from the prior against a log error."""
BUSY = 256
"""Rows with more requests in flight judge and do not fit: their requests wait for ten turns of seats whose
number is in no column (4.5 whole answers on average, as if a client had sent all at once)."""
TURNS = 8
"""Of the least squares; later ones no longer move held-out errors by a tenth of a per cent."""
Float = NDArray[np.float64]
Unchanged: Callable[[Engine], Engine] = lambda e: e  # noqa: E731  a default that a type can name


@dataclass(frozen=True)
class Measured:
    """A row: its point, its two figures in ms, and the model's name only to group by."""

    point: Point
    ttft_ms: float
    tpot_ms: float
    model: str
    engine: str
    driven: Harness = PLAIN


def read_rows(path: Path, shapes: Mapping[str, ModelShape] | None = None) -> list[Measured]:
    """Every row of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Measured(
                point_of(row, shapes or {}),
                float(row["ttft_ms"]),
                float(row["tpot_ms"]),
                row["model"],
                row["engine"],
            )
            for row in csv.DictReader(file)
        ]


def as_driven(rows: Sequence[Measured]) -> list[Measured]:
    """The same rows, each with the harness of its collection."""
    found = harness_of([row.point for row in rows])
    return [replace(row, driven=one) for row, one in zip(rows, found, strict=True)]


def as_users(rows: Sequence[Measured]) -> list[Measured]:
    """The same rows as if a user had asked for them, who knows of no harness."""
    return [replace(row, driven=PLAIN) for row in rows]


def answers(
    rows: Sequence[Measured],
    values: Efficiencies,
    adjust: Callable[[Engine], Engine] = Unchanged,
    device: Gpu | None = None,
) -> list[Answer]:
    """Each point once."""
    known = {
        (point, driven): answer(
            point, values, driven=driven, adjust=adjust, fast=True, device=device
        )
        for point, driven in dict.fromkeys((row.point, row.driven) for row in rows)
    }
    return [known[row.point, row.driven] for row in rows]


def soft(errors: Float) -> Float:
    """Residuals whose squares are Cauchy's loss."""
    errors = np.nan_to_num(errors, nan=1.0)
    return np.sign(errors) * SOFT * np.sqrt(np.log1p((errors / SOFT) ** 2))


def log_errors(rows: Sequence[Measured], found: Sequence[Answer]) -> tuple[Float, Float]:
    """[row] of TTFT and of TPOT; NaN where nothing was answered."""
    ttft = [math.log(a.ttft_ms / r.ttft_ms) for r, a in zip(rows, found, strict=True)]
    tpot = [math.log(a.tpot_ms / r.tpot_ms) for r, a in zip(rows, found, strict=True)]
    return np.array(ttft), np.array(tpot)


def fit(
    rows: Sequence[Measured],
    adjust: Callable[[Engine], Engine] = Unchanged,
    *,
    prior: float = PRIOR,
    fixed: Mapping[str, float] | None = None,
    start: Efficiencies | None = None,
    turns: int = TURNS,
    device: Gpu | None = None,
) -> Efficiencies:
    """The constants for these rows. `fixed`: not fitted (an ablation's); `start`: where to begin."""
    rows = list({row.point: row for row in rows if row.point.concurrency <= BUSY}.values())
    fixed, begin = dict(fixed or {}), start or Efficiencies()
    names = [name for name in Efficiencies.names() if name not in fixed]
    low, high, before = np.log(np.array([Efficiencies.bounds(name) for name in names])).T
    first = np.log(np.array([getattr(begin, name) for name in names]))

    def values(z: Float) -> Efficiencies:
        return Efficiencies(**dict(zip(names, np.exp(z).tolist(), strict=True)), **fixed)

    def residuals(z: Float) -> Float:
        found = answers(rows, values(z), adjust, device)
        return np.concatenate((*map(soft, log_errors(rows, found)), prior * (z - before)))

    solved = least_squares(
        residuals, np.clip(first, low, high), bounds=(low - 1e-9, high + 1e-9), diff_step=0.01,
        max_nfev=turns,
    )  # fmt: skip
    return values(solved.x)


def share(errors: Float) -> str:
    """Median absolute relative error and bias, as text."""
    relative = np.expm1(errors[np.isfinite(errors)])
    return f"{np.median(np.abs(relative)):6.1%}  (bias {np.median(relative):+6.1%})"


def show(values: Efficiencies, rows: Sequence[Measured]) -> None:
    """Constants with bounds, then residuals by model."""
    for name, value in asdict(values).items():
        low, high, before = Efficiencies.bounds(name)
        edge = "  at its bound" if min(value / low, high / value) < 1.005 else ""
        print(f"{name:>14} {value:10.4g}   in {low:g} .. {high:g}, prior {before:g}{edge}")
    found = answers(rows, values)
    for model in dict.fromkeys(row.model for row in rows):
        part = [(r, a) for r, a in zip(rows, found, strict=True) if r.model == model]
        ttft, tpot = log_errors([r for r, _ in part], [a for _, a in part])
        print(f"{model}: {len(part)} rows, TTFT {share(ttft)}, TPOT {share(tpot)}")


def written(values: Efficiencies, rows: Sequence[Measured], source: str) -> dict[str, Any]:
    """The data file; its errors are those of the constants as they stand there."""
    numbers = {name: float(f"{value:.5g}") for name, value in asdict(values).items()}
    fitted = sum(row.point.concurrency <= BUSY for row in rows)
    ttft, tpot = log_errors(rows, answers(rows, Efficiencies(**numbers)))
    about = {
        "rows": fitted,
        "source": source,
        "fitted": dt.datetime.now(dt.UTC).date().isoformat(),
        "models": sorted({row.model for row in rows}),
        "gpus": sorted({row.point.gpu for row in rows}),
        "in_sample_median_abs_error": {
            "ttft": round(float(np.median(np.abs(np.expm1(ttft)))), 4),
            "tpot": round(float(np.median(np.abs(np.expm1(tpot)))), 4),
        },
    }
    return {"values": numbers, "fitted_on": about}


def main() -> int:
    """Fit, show, and write where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--engine", default="vllm", help="rows of this engine fit")
    parser.add_argument("--prior", type=float, default=PRIOR)
    parser.add_argument(
        "--source", default="https://github.com/ai-dynamo/aiconfigurator (Apache-2.0)"
    )
    parser.add_argument("--plain", action="store_true", help="as users: no row has a harness")
    parser.add_argument("--write", action="store_true", help=f"into {DATA.name}")
    chosen = parser.parse_args()
    rows = [row for row in read_rows(chosen.rows) if row.engine == chosen.engine]
    if not chosen.plain:
        rows = as_driven(rows)
    values = fit(rows, prior=chosen.prior)
    show(values, rows)
    if chosen.write:
        DATA.write_text(json.dumps(written(values, rows, chosen.source), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
