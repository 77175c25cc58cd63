"""Which evidence of replays is a layer's: measured at its very settings, and on which model.

A layer of which a replay measured other settings has no evidence. Settings that change no request (limits,
prices; `UNSENT` of the class) may differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from math import hypot
from typing import Any, cast

from costopt.engine.settings import plain, settings_of
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.evidence import WHOLE_LOG, Entry, entries_of, ratio_of_all

RATIOS = ("output_ratio", "reasoning_ratio", "input_ratio")
"""What a replay measures that moves dollars: tokens behind the layer, to those of the projection."""
_NOTHING: Mapping[str, Any] = {}
_SNAPSHOT = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


@dataclass(frozen=True)
class Bent:
    """A layer of which one measured ratio stands at an end of its interval (0: lower, 1: upper)."""

    layer: Layer
    what: str
    end: int


def bent(layer: Layer, what: str, end: int) -> Layer:
    """To be asked for in the layer's place: only the evaluator looks inside."""
    return cast("Layer", Bent(layer, what, end))


def unbent(layer: Layer) -> Layer:
    """The layer itself."""
    return layer.layer if isinstance(layer, Bent) else layer


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measured ratio as it is applied, and the ends of its interval."""

    value: float
    low: float
    high: float

    def at(self, end: int | None) -> float:
        """None: the value; 0, 1: the ends."""
        return self.value if end is None else (self.low, self.high)[end]


@dataclass(frozen=True)
class Evidence:
    """All that replays measured on a log."""

    found: Mapping[str, Entry]
    """Layer name to what was measured of it; see `model/evidence.py`."""
    logged: tuple[str, ...]
    """Names of the models in the log."""

    @classmethod
    def of_log(cls, found: Mapping[str, Entry], logged: Sequence[str]) -> Evidence | None:
        """None: nothing was measured."""
        some = {name: entry for name, entry in found.items() if entry}
        return cls(some, tuple(logged)) if some else None

    @cached_property
    def whole_log(self) -> Entry:
        """What was measured of no layer."""
        return self.found.get(WHOLE_LOG, _NOTHING)

    @property
    def stands_in(self) -> bool:
        """Some logged model was answered for by another one in the replays."""
        rows = self.whole_log.get("models", {}).items()
        return any(not same_model(str(m.get("served") or ""), (name,)) for name, m in rows)

    def of(self, layer: Layer, chosen: Mapping[str, Any] = _NOTHING) -> Entry:
        """The newest entry at the layer's settings, of a stand-in only where there is no other; empty: none.
        `chosen`: settings it chose itself."""
        inner = unbent(layer)
        found = [entry for entry in self._entries(inner) if fits(inner, entry, chosen)]
        own = (entry for entry in found if self.speaks(inner, entry))
        return next(own, found[0] if found else _NOTHING)

    def of_other_settings(self, layer: Layer) -> Entry:
        """The newest entry of the layer at whatever settings."""
        return next(self._entries(unbent(layer)), _NOTHING)

    def speaks(self, layer: Layer, entry: Entry) -> bool:
        """The answers are of the logged models (or of the model that a router moves to): no stand-in. The
        replay itself may have said so (`mapped`); else the names tell."""
        if "mapped" in entry:
            return not entry["mapped"]
        tiers = [model for _, model in getattr(unbent(layer), "tiers", ())]
        return same_model(str(entry.get("model") or ""), (*self.logged, *tiers))

    def handed(self, layer: Layer) -> Entry:
        """What the layer itself may read: ratios against unchanged requests, and nothing that was measured
        on a stand-in."""
        entry = self.of(layer)
        if not entry or not self.speaks(layer, entry):
            return _NOTHING
        told = dict(entry)
        for name, ratio in self.ratios(layer, entry).items():
            told |= {name: ratio.value, f"{name}_ci95": [ratio.low, ratio.high]}
        return _bent_entry(told, layer) if isinstance(layer, Bent) else told

    def ratios(self, layer: Layer, entry: Entry) -> dict[str, Ratio]:
        """How the projection's tokens behind a layer are corrected, by name. Not by requests that other
        layers changed too: their part would count twice."""
        out: dict[str, Ratio] = {}
        if not entry.get("alone", True):
            return out
        speaks = self.speaks(layer, entry)
        for name in RATIOS:
            base = self._unchanged(name) if speaks or name == "input_ratio" else _AS_PROJECTED
            if entry.get(name) is not None and base is not None:
                found = _relative(_Told.of(entry, name), base)
                # What a stand-in did is no value of the logged model's: it only widens the interval.
                out[name] = found if speaks else Ratio(1, min(found.low, 1), max(found.high, 1))
        return out

    def uncertain(self, layer: Layer) -> list[str]:
        """Ratios that some entry of the layer has, whatever its settings."""
        some = [e for entry in self._entries(layer) for e in (entry, *_moves(entry))]
        return [name for name in RATIOS if any(e.get(name) is not None for e in some)]

    def _unchanged(self, name: str) -> _Told | None:
        """The same of requests that no layer changed, to those of the log: what the endpoint or a tokenizer
        does by itself is no layer's doing. Input that was not measured so is not taken at all."""
        rows = [m for m in self.whole_log.get("models", {}).values() if m.get(name)]
        if rows:
            return _Told.of(ratio_of_all(rows, name, "n"), name)
        return None if name == "input_ratio" else _AS_PROJECTED

    def _entries(self, layer: Layer) -> Iterator[Entry]:
        """`name#2` is the second layer of that name in the policy that was replayed."""
        name = name_of(layer)
        for key, found in self.found.items():
            if key.partition("#")[0] == name:
                yield from entries_of(found)


def fits(layer: Layer, entry: Entry, chosen: Mapping[str, Any] = _NOTHING) -> bool:
    """All settings that change a request are the measured ones; one that the entry does not name is at
    its default. An entry that was put there by hand without settings fits any; one of which a replay could
    not tell them (`{}`) fits none."""
    if "settings" not in entry:
        return True
    return bool(entry["settings"]) and not different(layer, entry, chosen)


def different(layer: Layer, entry: Entry, chosen: Mapping[str, Any] = _NOTHING) -> list[str]:
    """Names of the settings that are not the measured ones."""
    measured, defaults = entry["settings"], _defaults(layer)
    unsent, own = getattr(layer, "UNSENT", ()), settings_of(layer, chosen)
    unlike = [
        name
        for name, value in own.items()
        if name not in unsent and value != measured.get(name, defaults.get(name, MISSING))
    ]
    return [*unlike, *(name for name in measured if name not in own)]


def same_model(served: str, names: Sequence[str]) -> bool:
    """One of the names, with or without a vendor in front or the date of a snapshot behind. "": as logged."""
    return not served or _bare(served) in {_bare(name) for name in names}


def _bare(model: str) -> str:
    return _SNAPSHOT.sub("", model.rsplit("/", 1)[-1].lower())


def _defaults(layer: Layer) -> dict[str, Any]:
    return {f.name: plain(f.default) for f in fields(layer) if f.default is not MISSING}  # type: ignore[arg-type]  # every layer is a dataclass


@dataclass(frozen=True, slots=True)
class _Told:
    """A ratio as a replay wrote it. `ends`: None: it could tell no interval."""

    value: float
    ends: tuple[float, float] | None

    @classmethod
    def of(cls, entry: Entry, name: str) -> _Told:
        ends = entry.get(f"{name}_ci95")
        return cls(float(entry[name]), (float(ends[0]), float(ends[1])) if ends else None)


_AS_PROJECTED = _Told(1.0, (1.0, 1.0))


def _relative(found: _Told, base: _Told) -> Ratio:
    """One ratio over another, with their relative errors in squares. Where either has no interval it is
    of too few sessions to be a value: it moves nothing, and anything between no change and it may be."""
    value = found.value / base.value
    if found.ends is None or base.ends is None or found.value <= 0:
        return Ratio(1.0, min(value, 1.0), max(value, 1.0))
    if base is _AS_PROJECTED:
        return Ratio(value, max(0.0, min(found.ends[0], value)), max(found.ends[1], value))
    below = hypot(1 - found.ends[0] / found.value, base.ends[1] / base.value - 1)
    above = hypot(found.ends[1] / found.value - 1, 1 - base.ends[0] / base.value)
    return Ratio(value, value * max(0.0, 1 - below), value * (1 + above))


def _moves(entry: Entry) -> list[Entry]:
    return list(entry.get("moves", {}).values())


def _bent_entry(entry: Entry, layer: Bent) -> Entry:
    """The entry with one ratio at an end, in each move of a router too."""
    out = {**entry, **_at_end(entry, layer)}
    if "moves" in entry:
        out["moves"] = {k: {**m, **_at_end(m, layer)} for k, m in entry["moves"].items()}
    return out


def _at_end(entry: Entry, layer: Bent) -> dict[str, Any]:
    ends = entry.get(f"{layer.what}_ci95")
    return {layer.what: max(0.0, float(ends[layer.end]))} if ends and layer.what in entry else {}
