"""A policy: an ordered list of layers with their settings, and which logged fields play which part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costopt.engine.evaluate import Layers


@dataclass(frozen=True)
class Policy:
    """What `policy.yaml` says once it is checked."""

    layers: Layers
    name: str = "policy.yaml"
    """As shown: the file's path, or `safe defaults`."""
    fields: Mapping[str, str] = field(default_factory=dict)
    replay: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict, compare=False)
    """Where it stands in the file: (layer's index, name, setting) or ("fields", part) to the line."""
    file: str = field(default="policy.yaml", compare=False)
    """The path as typed: what errors about its lines name."""
