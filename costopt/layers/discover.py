"""The layers: every module of this folder, and of the entry point `costopt.layers`, that has one."""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from importlib.metadata import entry_points

from costopt.layers.base import Layer

ENTRY_POINT = "costopt.layers"
_WORD = re.compile(r"(?<!^)(?=[A-Z])")
USUAL_ORDER = (
    "exact_cache", "semantic_cache", "route", "trim_tools", "window", "memory", "tool_dedup",
    "compress", "prompt_layout", "output", "batch", "session_budget", "self_host",
)  # fmt: skip


@cache
def layer_names() -> tuple[str, ...]:
    """Names without importing any: the usual order first, then others by name."""
    found = _own() | {e.name for e in entry_points(group=ENTRY_POINT)}
    usual = [name for name in USUAL_ORDER if name in found]
    return (*usual, *sorted(found - set(usual)))


@cache
def layer_class(name: str) -> type[Layer]:
    """The class of a layer. KeyError: there is none of that name."""
    if name not in layer_names():
        raise KeyError(name)
    if name in _own():  # no other package takes the place of one of ours
        module = importlib.import_module(f"costopt.layers.{name}")
        return getattr(module, class_name(name))
    (entry, *_) = entry_points(group=ENTRY_POINT, name=name)
    return entry.load()


@cache
def _own() -> frozenset[str]:
    import costopt.layers as package

    names = {m.name for m in pkgutil.iter_modules(package.__path__) if not m.ispkg}
    return frozenset(names - {"base", "discover", "settings"})


def class_name(name: str) -> str:
    """`trim_tools` is `TrimTools`."""
    return "".join(word.capitalize() for word in name.split("_"))


def name_of(layer: Layer) -> str:
    """`TrimTools(...)` is `trim_tools`, in whatever module of another package it stands."""
    return _WORD.sub("_", type(layer).__name__).lower()
