"""Settings of layers: one put in place of another, and all of them as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from costopt.layers.base import Layer
from costopt.model.secrets import masked

if TYPE_CHECKING:
    from costopt.engine.evaluate import Layers


def setting_names(layer: Layer) -> list[str]:
    """In the order of the class."""
    return [f.name for f in fields(layer)]  # type: ignore[arg-type]  # every layer is a dataclass


def with_setting(layers: Layers, place: int, setting: str, value: Any) -> Layers:
    """The list with one setting of one of its layers changed."""
    changed = replace(layers[place], **{setting: value})  # type: ignore[type-var]  # a dataclass
    return (*layers[:place], changed, *layers[place + 1 :])


def settings_of(layer: Layer, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """All settings by name, without keys and passwords (an endpoint's address may have them); what the
    layer chose itself stands in place of `auto`."""
    own = {name: getattr(layer, name) for name in setting_names(layer)}
    return {name: _shown(plain(value)) for name, value in {**own, **chosen}.items()}


def _shown(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def plain(value: Any) -> Any:
    """As JSON has it: pairs of name and patterns are an object, other tuples lists, numbers Python's."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        pairs = value and all(isinstance(v, tuple) and len(v) == 2 for v in value)
        if pairs and all(isinstance(k, str) and isinstance(v, tuple | str) for k, v in value):
            return {k: plain(v) for k, v in value}
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value
