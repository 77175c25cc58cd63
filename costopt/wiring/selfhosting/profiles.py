"""Calibrated constants by name: JSON files beside the ledger, each with what fitted it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from costopt.errors import InputError, UsageError, nearest
from costopt.serving.calibration import stored
from costopt.serving.calibration.replica import Replica
from costopt.serving.calibration.stored import SCHEMA, values_of
from costopt.serving.efficiency import Efficiencies
from costopt.serving.engines import Engine
from costopt.serving.hardware import Gpu
from costopt.serving.models import ModelShape
from costopt.serving.precision import Precision
from costopt.wiring.writing import told

SHIPPED = "shipped"
"""The name of the constants that come with the package."""
FOLDER = Path(stored.FOLDER)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Profile:
    """Constants and the server they belong to."""

    name: str
    values: Efficiencies
    replica: Replica
    about: Mapping[str, Any]
    """What fitted them, as the file says."""


def path_of(name: str, folder: Path = FOLDER) -> Path:
    """Where a profile of this name stands. UsageError: it is no name."""
    if not _NAME.fullmatch(name) or name == SHIPPED:
        raise UsageError(
            f"`{name}` is no name of a profile.", where="--profile",
            hint="Letters, digits, `_`, `-` and `.`: my-h100",
        )  # fmt: skip
    return folder / f"{name}.json"


def save(
    name: str, values: Efficiencies, replica: Replica, about: Mapping[str, Any],
    folder: Path = FOLDER,
) -> Path:  # fmt: skip
    """Write the profile; one of the same name is replaced."""
    path = path_of(name, folder)
    whole = {
        "schema": SCHEMA, "name": name, "values": asdict(values), "replica": replica_json(replica),
        **about,
    }  # fmt: skip
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def load(name: str, folder: Path = FOLDER) -> Profile:
    """A profile by name, or by the path of its file. UsageError names the nearest."""
    path = Path(name) if name.endswith(".json") else path_of(name, folder)
    if not path.exists():
        known = sorted(p.stem for p in folder.glob("*.json"))
        hint = nearest(name, known) or (
            f"There are: {', '.join(known)}." if known
            else "costopt selfhost calibrate --base-url URL --profile NAME  makes one."
        )  # fmt: skip
        raise UsageError(f"no profile is called `{name}`.", where="--efficiencies", hint=hint)
    try:
        return _read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"this is no profile that this version can read: {error!r}.", where=str(path),
            hint="costopt selfhost calibrate  writes it anew.",
        ) from error  # fmt: skip


_BY_NAME = ("dense_flops", "ring_bytes_per_s")
"""Fields of a GPU that are mappings, which JSON keeps by their keys as text."""


def _read(told_: Any) -> Profile:
    values = values_of(told_)
    return Profile(str(told_["name"]), values, replica_from(told_["replica"]), told_)


def replica_json(replica: Replica) -> dict[str, Any]:
    """Every field of the server's description."""
    return {
        "shape": asdict(replica.shape),
        "device": {f.name: getattr(replica.device, f.name) for f in fields(Gpu)}
        | {name: dict(getattr(replica.device, name)) for name in _BY_NAME},
        "precision": asdict(replica.precision),
        "engine": asdict(replica.engine),
        "tensor_parallel": replica.tensor_parallel,
        "expert_parallel": replica.expert_parallel,
        "draft_tokens": replica.draft_tokens,
        "tokens_per_step": replica.tokens_per_step,
    }


def replica_from(found: Mapping[str, Any]) -> Replica:
    """The description behind `replica_json`."""
    device = dict(found["device"])
    device["dense_flops"] = MappingProxyType(
        {k: float(v) for k, v in device["dense_flops"].items()}
    )
    device["ring_bytes_per_s"] = {
        int(k): float(v) for k, v in device.get("ring_bytes_per_s", {}).items()
    }
    return Replica(
        ModelShape(**found["shape"]), Gpu(**device), Precision(**found["precision"]),
        Engine(**found["engine"]), int(found["tensor_parallel"]), int(found["expert_parallel"]),
        int(found["draft_tokens"]), float(found["tokens_per_step"]),
    )  # fmt: skip
