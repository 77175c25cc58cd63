"""What a deployed memory presets: its defaults, and how it differs from the plain one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

L = TypeVar("L", bound="DataclassInstance")


@dataclass(frozen=True)
class MemoryProfile:
    """Only what the product documents is taken over. What it does beside that is said, not imitated."""

    settings: Mapping[str, Any]
    """Its own defaults, by the name of the layer's setting."""
    differs: tuple[str, ...]
    """Whole sentences: what it does that the layer does not."""
    unpriced: str
    """The setting that stands for its own price, which depends on a plan and is not in the figures."""
    source: str
    """URLs and date."""


def memory_profiles() -> tuple[str, ...]:
    """Names of all profiles of memories."""
    from costopt.layers import profiles

    names = sorted(m.name for m in pkgutil.iter_modules(profiles.__path__))
    return tuple(n for n in names if memory_profile(n) is not None)


def memory_profile(name: str) -> MemoryProfile | None:
    """A profile by name; None: there is none."""
    try:
        module = importlib.import_module(f"costopt.layers.profiles.{name}")
    except ModuleNotFoundError:
        return None
    profile = getattr(module, "PROFILE", None)
    return profile if isinstance(profile, MemoryProfile) else None


def known(name: str) -> str:
    """The name itself. ValueError: no such profile."""
    if name and name not in memory_profiles():
        raise ValueError(f"`{name}` is no profile: {', '.join(memory_profiles())}")
    return name


def profiled(layer: L, name: str) -> L:
    """The layer with the profile's settings wherever it has its own defaults."""
    profile = memory_profile(name) if name else None
    if profile is None:
        return layer
    plain = {f.name: f.default for f in fields(layer) if f.default is not MISSING}
    left = {k: v for k, v in profile.settings.items() if getattr(layer, k) == plain[k]}
    return replace(layer, **left)
