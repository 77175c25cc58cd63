"""`selfhost calibrate` against a server that nobody here wrote, judged at loads that fitted nothing.

`transformers serve` on this machine's CPU with a Llama of 6 layers x 256 and random weights (what is said is
nonsense, what it costs is not). Needs the extra `serve`; nothing of FOLDER is read. A busy machine shows:
everything is a wall-clock time.
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np

from costopt.endpoints.choose import endpoint_for
from costopt.endpoints.connection import Connection
from costopt.serving.calibration.observed import Figures, Observed
from costopt.wiring.replaying.reader import SourcesReader
from costopt.wiring.selfhosting.about import FIGURES, WORDS, errors_of, relative
from costopt.wiring.selfhosting.calibrating import Done
from costopt.wiring.selfhosting.calibrating import run as calibrate
from costopt.wiring.selfhosting.driving import Grid, GridPoint, drive
from costopt.wiring.selfhosting.wishes import OWN, Calibration
from validation.table import Table

sys.path.insert(0, str(Path(__file__).parents[2]))
from scripts.servers import tiny_model, transformers_serve

GOAL = 0.15
SIZES = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6,
         "num_attention_heads": 8, "num_key_value_heads": 4}  # fmt: skip
HELD_OUT = (GridPoint(1, 256, 10), GridPoint(3, 256, 12), GridPoint(3, 512, 12),
            GridPoint(6, 128, 18), GridPoint(8, 384, 24))  # fmt: skip
"""Loads and lengths that the fit has not seen."""


def run(folder: Path, table: Table) -> None:
    """About two minutes on two cores."""
    table.title("selfhost calibrate: transformers serve on the CPU, loads that fitted nothing")
    if not (importlib.util.find_spec("transformers") and importlib.util.find_spec("fastapi")):
        table.shown("not run", "pip install 'costopt[serve]'")
        return
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        tiny_model.make(Path(transformers_serve.model_name(home)), **SIZES)
        with transformers_serve.serve(home) as url:
            name = transformers_serve.model_name(home)
            done = calibrate(_asked(url, name), folder=home)
            fresh = _measured(url, name)
    _show(done, fresh, table)


def _asked(url: str, name: str) -> Calibration:
    return Calibration(
        base_url=f"{url}/v1", model=name, model_config=name, gpu=OWN, engine="transformers",
        loads="1,2,4", prompt_tokens="128,512", output_tokens=48, profile="cpu", yes=True, quiet=True,
    )  # fmt: skip


def _measured(url: str, name: str) -> list[Observed]:
    """Further loads, driven after the fit, each twice: the machine does other things meanwhile."""
    grid = Grid(name, HELD_OUT * 2, 48, seed=1)
    endpoint = endpoint_for(Connection(f"{url}/v1"), SourcesReader(), "openai")
    return asyncio.run(drive(endpoint, grid))


def _show(done: Done, fresh: list[Observed], table: Table) -> None:
    assert done.fitted is not None and done.replica is not None
    values = done.fitted.values
    told = [one.figures() for one in done.replica.served(fresh, values)]
    for name in done.fitted.told.fitted:
        table.shown(f"fitted: {name}", f"{getattr(values, name):.3g}")
    for words, said in (
        ("fitted loads", done.fitted.predicted),
        ("load left out", done.fitted.held_out),
    ):
        found = errors_of(done.fitted.points, said)
        shown = ", ".join(f"{WORDS[n]} {found[n]:.1%}" for n in FIGURES)
        table.shown(f"median absolute error, {words}", shown)
    for point, figures in zip(fresh, told, strict=True):
        table.shown(f"new load: {point.name}", _errors(point, figures), "TTFT, TPOT, tokens/s")
    found = errors_of(fresh, told)
    for name in FIGURES:
        table.at_most(f"{WORDS[name]}, new loads, median absolute error", GOAL, found[name])
    worst = max(abs(relative(p.figures(), f, n) or 0.0) for p, f in zip(fresh, told, strict=True)
                for n in FIGURES)  # fmt: skip
    table.shown("largest error of a new load", f"{worst:.1%}", f"{len(fresh)} runs")
    table.shown("one new load measured twice: median, largest difference", _repeated(fresh))
    spread = np.nanmedian([p.spread()[:2] for p in fresh], axis=0)
    table.shown("spread of the measurements (quartiles / median)",
                f"TTFT {spread[0]:.1%}, TPOT {spread[1]:.1%}")  # fmt: skip


def _repeated(fresh: list[Observed]) -> str:
    """What the machine itself does to a figure: no model can come nearer."""
    half = len(fresh) // 2
    pairs = zip(fresh[:half], fresh[half:], strict=True)
    found = [
        abs(relative(a.figures(), b.figures(), name) or 0.0) for a, b in pairs for name in FIGURES
    ]
    return f"{np.median(found):.1%}, {max(found):.1%}"


def _errors(point: Observed, figures: Figures) -> str:
    errors = [relative(point.figures(), figures, name) for name in FIGURES]
    return ", ".join("-" if error is None else f"{error:+.1%}" for error in errors)
