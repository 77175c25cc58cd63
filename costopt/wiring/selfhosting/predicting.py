"""`costopt selfhost predict`: a CSV of operating points, answered row by row by the simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from costopt.model.escape import clean
from costopt.model.ports import Progress, silent
from costopt.serving.efficiency import Efficiencies
from costopt.serving.hardware import Gpu
from costopt.serving.model_config import shape_from_config
from costopt.serving.models import ModelShape
from costopt.serving.predict import Drafted
from costopt.serving.rows import INPUT, OUTPUT, TOLD, predict
from costopt.wiring.selfhosting.csv_rows import Line, Sheet, read_sheet
from costopt.wiring.selfhosting.profiles import SHIPPED, load

NEEDED = ("model", "gpu", "input_tokens", "output_tokens", "concurrency")
"""Without one of the others a row has its usual value."""
READ = (*INPUT, *TOLD)
GIVEN = "given_"
"""In front of a column of the file that has the name of an answer."""


@dataclass(frozen=True)
class Predicted:
    """The same rows with their answers."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    notes: tuple[str, ...] = ()

    @property
    def fitting(self) -> int:
        return sum(row["fits"] is True for row in self.rows)


@dataclass(frozen=True)
class Known:
    """What rows may name beside the data files."""

    values: Efficiencies | None = None
    """None: the shipped constants."""
    shapes: Mapping[str, ModelShape] = field(default_factory=dict)
    devices: Mapping[str, Gpu] = field(default_factory=dict)
    usual: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """GPU to what an empty cell means there: the calibrated server's own precision and engine."""
    drafted: Mapping[tuple[str, ModelShape], Drafted] = field(default_factory=dict)
    """GPU and model to what the calibrated server's speculation gained."""


def predict_file(
    rows: Path, configs: Sequence[str] = (), efficiencies: str = SHIPPED, *,
    progress: Progress = silent,
) -> Predicted:  # fmt: skip
    """Every row of the CSV in its order. InputError: it is no such CSV; UsageError: no such profile."""
    known = known_of(configs, efficiencies)
    sheet = read_sheet(rows, NEEDED, READ)
    own = {name: GIVEN + name if name in OUTPUT else name for name in sheet.columns}
    found = _answered(sheet, known, own, progress)
    renamed = [name for name in sheet.columns if name in OUTPUT]
    notes = [f"the file's own {', '.join(renamed)} are kept as {GIVEN}..."] if renamed else []
    return Predicted((*own.values(), *OUTPUT), found, tuple(notes))


def known_of(configs: Sequence[str], efficiencies: str) -> Known:
    """Shapes of `PATH` or `NAME=PATH`; constants, hardware and shape of a calibrated profile."""
    shapes: dict[str, ModelShape] = {}
    devices: dict[str, Gpu] = {}
    usual: dict[str, Mapping[str, str]] = {}
    drafted: dict[tuple[str, ModelShape], Drafted] = {}
    values = None
    if efficiencies != SHIPPED:
        profile = load(efficiencies)
        values = profile.values
        shapes[profile.replica.shape.name] = profile.replica.shape
        device = profile.replica.device
        devices[device.name] = device
        server = profile.replica
        gained = Drafted(server.draft_tokens, server.tokens_per_step)
        drafted[device.name, server.shape] = gained
        engine = str(profile.about.get("engine_name", ""))
        usual[device.name] = {"precision": profile.replica.precision.name, "engine": engine}
    for told in configs:
        name, equals, path = told.rpartition("=")
        one = shape_from_config(Path(path), name if equals else "")
        folder = Path(path).parent.name if path.endswith(".json") else Path(path).name
        shapes |= dict.fromkeys([one.name, folder, path] if not equals else [name], one)
    return Known(values, shapes, devices, usual, drafted)


def _answered(
    sheet: Sheet, known: Known, own: Mapping[str, str], progress: Progress
) -> list[dict[str, Any]]:
    seen: dict[tuple[str, ...], dict[str, Any]] = {}
    out = []
    for done, line in enumerate(sheet.lines):
        key = tuple(line.cells.get(name, "").strip() for name in READ)
        if line.broken:
            said = _refused(line, line.broken)
        else:
            if key not in seen:
                seen[key] = _answer(dict(zip(READ, key, strict=True)), known)
            said = seen[key]
            if not said["fits"]:
                said = _refused(line, said["note"])
        out.append({own[name]: value for name, value in line.cells.items()} | said)
        progress("predicting", done + 1, len(sheet.lines))
    return out


def _answer(row: Mapping[str, str], known: Known) -> dict[str, Any]:
    usual = known.usual.get(row["gpu"], {})
    row = {name: cell or usual.get(name, "") for name, cell in row.items()}
    found = predict([row], known.values, known.shapes, known.devices, known.drafted)[0]
    return {name: found[name] for name in OUTPUT}


def _refused(line: Line, why: str) -> dict[str, Any]:
    """Nothing but the reason and the place: a row that cannot run has no figures."""
    note = clean(f"line {line.number}: {why}")
    return dict(zip(OUTPUT, (None, None, None, False, note), strict=True))
