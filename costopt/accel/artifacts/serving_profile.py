"""Constants of a serving profile that a policy names: a file beside the ledger, or any by its path."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path

from costopt.accel.artifacts.content import digest_of_file
from costopt.errors import UsageError, nearest
from costopt.layers.base import ArtifactSpec
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View
from costopt.serving.calibration.stored import FOLDER, values_of
from costopt.serving.efficiency import Efficiencies


def content(spec: ArtifactSpec, view: View) -> Hashable:
    """The file's bytes; no call of the log has a part in it."""
    return digest_of_file(_path(spec))


def build(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Efficiencies:
    """UsageError: there is no such profile, or it cannot be read."""
    path = _path(spec)
    if not path.is_file():
        known = sorted(p.stem for p in Path(FOLDER).glob("*.json"))
        hint = nearest(path.stem, known) or "costopt selfhost calibrate --profile NAME  makes one."
        raise UsageError(f"no serving profile is called `{spec.get('name')}`.", hint=hint)
    try:
        return values_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"this is no serving profile: {error!r}.", where=str(path)) from error


def _path(spec: ArtifactSpec) -> Path:
    name = str(spec.get("name"))
    return Path(name) if name.endswith(".json") else Path(FOLDER) / f"{name}.json"
