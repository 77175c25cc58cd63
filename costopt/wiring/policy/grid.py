"""`--set layer.setting=values`: what a sweep varies, from text to policies.

Values are `4,6,8`, an inclusive range `0.80:0.99:0.01` in exact decimals, or one `[a, b]` or `{a: b}`.
A layer that stands twice is told apart as `window[2].turns`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import prod
from typing import Any

from costopt.engine.policy import Policy
from costopt.errors import UsageError, nearest
from costopt.layers.discover import layer_names, name_of
from costopt.model.escape import clean
from costopt.wiring.policy.lined import lined, scalar
from costopt.wiring.policy.settings import setting_names, with_setting

MAX_POINTS = 10_000
FLAG = "--set"
_AXIS = re.compile(r"([A-Za-z_][\w-]*)(?:\[(\d+)\])?\.([A-Za-z_]\w*)\s*=\s*(.*)", re.DOTALL)
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):({_NUMBER})")


@dataclass(frozen=True, slots=True)
class Axis:
    """One setting of one layer of the policy, and the values that it takes."""

    name: str
    """As asked: `window.turns`."""
    index: int
    """Place of the layer in the policy."""
    setting: str
    values: tuple[Any, ...]
    """As a policy would write them."""


def parse_grid(texts: Sequence[str], policy: Policy) -> list[Axis]:
    """Every `--set`. Raises UsageError with the nearest name; all values are checked."""
    if not texts:
        raise UsageError(
            "nothing to vary.", where=FLAG, hint="--set window.turns=4,6,8  (repeat for a grid)"
        )
    axes = [_axis(text, policy) for text in texts]
    names = [axis.name for axis in axes]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"`{name}` is given twice.", where=FLAG, hint="Give all its values once."
            )
    points = prod(len(axis.values) for axis in axes)
    if points > MAX_POINTS:
        raise UsageError(f"{points:,} points are more than {MAX_POINTS:,}.", where=FLAG)
    for axis in axes:
        for value in axis.values:
            at_point(policy, [axis], {axis.name: value})
    return axes


def at_point(policy: Policy, axes: Sequence[Axis], point: Mapping[str, Any]) -> Policy:
    """The policy with the settings of one point. Raises UsageError where a value is refused."""
    layers = list(policy.layers)
    for axis in axes:
        made = with_setting(layers[axis.index], axis.setting, point[axis.name])
        if isinstance(made, list):
            raise UsageError(made[0].message, where=f"{FLAG} {axis.name}", hint=made[0].hint)
        layers[axis.index] = made
    return replace(policy, layers=tuple(layers))


def _axis(text: str, policy: Policy) -> Axis:
    found = _AXIS.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"`{clean(text)}` is no setting with values.", where=FLAG,
            hint="--set window.turns=4,6,8  or  --set semantic_cache.threshold=0.80:0.99:0.01",
        )  # fmt: skip
    layer, number, setting, values = found.groups()
    index = _place(layer, number, policy)
    valid = setting_names(type(policy.layers[index]))
    if setting not in valid:
        raise UsageError(
            f"layer `{layer}` has no setting `{setting}`.", where=FLAG,
            hint=f"{nearest(setting, valid)}  All settings: costopt explain {layer}".strip(),
        )  # fmt: skip
    name = f"{layer}[{number}].{setting}" if number else f"{layer}.{setting}"
    return Axis(name, index, setting, _values(values.strip(), name))


def _place(layer: str, number: str | None, policy: Policy) -> int:
    """Index of the layer that is meant."""
    places = [i for i, made in enumerate(policy.layers) if name_of(made) == layer]
    if not places:
        raise _no_layer(layer, policy)
    if number is None and len(places) > 1:
        raise UsageError(
            f"layer `{layer}` stands {len(places)} times.", where=FLAG,
            hint=f"Say which: {layer}[1] to {layer}[{len(places)}].",
        )  # fmt: skip
    which = int(number or 1)
    if not 1 <= which <= len(places):
        raise UsageError(f"there is no {layer}[{which}] in the policy.", where=FLAG)
    return places[which - 1]


def _no_layer(layer: str, policy: Policy) -> UsageError:
    own = list(dict.fromkeys(name_of(made) for made in policy.layers))
    if layer in layer_names():
        hint = f"Add it there: - {layer}: {{}}"
    else:
        hint = f"{nearest(layer, own)}  Its layers: {', '.join(own) or 'none'}".strip()
    return UsageError(f"{policy.file} has no layer `{clean(layer)}`.", where=FLAG, hint=hint)


def _values(text: str, name: str) -> tuple[Any, ...]:
    if text[:1] in ("[", "{"):
        return (lined(text, f"{FLAG} {name}").value,)
    span = _RANGE.fullmatch(text)
    if span:
        first, last, step = map(Decimal, span.groups())
        return _steps(first, last, step, name)
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise UsageError("a value is missing.", where=f"{FLAG} {name}", hint="4,6,8")
    try:
        return tuple(dict.fromkeys(scalar(part) for part in parts))
    except ValueError as error:
        raise UsageError(f"{error}.", where=f"{FLAG} {name}") from error


def _steps(first: Decimal, last: Decimal, step: Decimal, name: str) -> tuple[Any, ...]:
    """Both ends included where the steps reach them; no binary rounding on the way."""
    if step <= 0 or last < first:
        raise UsageError(
            "a range goes up from its first value in steps above 0.", where=f"{FLAG} {name}",
            hint="0.80:0.99:0.01",
        )  # fmt: skip
    count = int((last - first) / step) + 1
    if count > MAX_POINTS:
        raise UsageError(f"{count:,} values are more than {MAX_POINTS:,}.", where=f"{FLAG} {name}")
    values = [first + i * step for i in range(count)]
    whole = all(v == v.to_integral_value() for v in (first, step))
    return tuple(int(v) if whole else float(v) for v in values)
