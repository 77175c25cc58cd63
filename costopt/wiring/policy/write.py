"""A policy as YAML that a person would have written: only what is not the default, one layer a line."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, get_type_hints

from costopt.engine.policy import Policy
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.escape import clean
from costopt.wiring.policy.kinds import is_duration, is_mapping
from costopt.wiring.policy.lined import scalar
from costopt.wiring.policy.load import VERSION
from costopt.wiring.policy.settings import changed

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./*-]*|\d+[smhdw]")
_WORDS = ("y", "n", "yes", "no", "on", "off")
"""Texts to us, truth values to readers of YAML 1.1."""
# What YAML does not let stand as it is, and what a reader of the file would not see.
_UNSEEN = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff"
    "\U000e0000-\U000e007f]"
)
_SPANS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def policy_yaml(
    policy: Policy, *, top: Sequence[str] = (), above: Mapping[int, Sequence[str]] | None = None,
    below: Sequence[str] = (), named: Mapping[int, Sequence[str]] | None = None,
) -> str:  # fmt: skip
    """The policy as text that reads back as the same. Comments: on top, above a layer, below all.

    `named`: by layer's index, settings that are written even where they are the defaults.
    """
    lines = [*_comments(top), f"version: {VERSION}"]
    if policy.fields:
        lines.append(f"fields: {_flow(dict(policy.fields))}")
    lines.append("layers:" if policy.layers else "layers: []")
    for index, layer in enumerate(policy.layers):
        lines += _comments((above or {}).get(index, ()), "  ")
        settings = layer_flow(layer, (named or {}).get(index, ()))
        lines.append(f"  - {name_of(layer)}: {settings}")
    if policy.replay:
        lines.append(f"replay: {_flow(dict(policy.replay))}")
    return "\n".join([*lines, *_comments(below)]) + "\n"


def layer_flow(layer: Layer, named: Sequence[str] = ()) -> str:
    """Settings that are named or not the defaults, in braces."""
    return _flow(shown_settings(layer, named))


def shown_settings(layer: Layer, named: Sequence[str] = ()) -> dict[str, Any]:
    """Settings that are named or not the defaults, in the words of a policy: `1h`, not 3600.0."""
    hints = get_type_hints(type(layer), include_extras=True)
    shown = {name: getattr(layer, name) for name in named} | changed(layer)
    return {name: _shown(hints[name], value) for name, value in shown.items()}


def default_of(cls: type[Layer], field: dataclasses.Field[Any]) -> str:
    """A setting's default as a policy writes it; empty: it has to be given."""
    default = field.default
    if default is dataclasses.MISSING:
        if field.default_factory is dataclasses.MISSING:
            return ""
        default = field.default_factory()
    return _flow(_shown(get_type_hints(cls, include_extras=True)[field.name], default))


def _comments(texts: Sequence[str], indent: str = "") -> list[str]:
    return [f"{indent}# {clean(text)}".rstrip() for text in texts]


def _shown(hint: Any, value: Any) -> Any:
    """A duration of whole seconds as `1h`; no pairs as `{}`; anything else as it is."""
    if is_mapping(hint) and value == ():
        return {}
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and value > 0 and float(value).is_integer() and is_duration(hint):
        return _span(value)
    return value


def _span(seconds: float) -> str:
    """In the largest unit that it is whole in; one day is 24h, as deadlines are spoken of."""
    spans = _SPANS[1:] if seconds == 86_400 else _SPANS
    size, unit = next((s, u) for s, u in spans if seconds % s == 0)
    return f"{int(seconds // size)}{unit}"


def _flow(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(k))}: {_flow(v)}" for k, v in value.items()) + "}"
    if _is_pairs(value):
        return _flow(dict(value))
    if isinstance(value, (tuple, list, frozenset)):
        items = sorted(value) if isinstance(value, frozenset) else value
        return "[" + ", ".join(_flow(item) for item in items) + "]"
    if isinstance(value, Enum):
        return _flow(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if value is None or isinstance(value, (bool, int, float)):
        return json.dumps(value)
    return _text(str(value))


def _is_pairs(value: Any) -> bool:
    """A mapping as settings hold it, to be hashable: ((key, value), ...) with distinct keys."""
    if not isinstance(value, tuple) or not value:
        return False
    pairs = all(isinstance(v, tuple) and len(v) == 2 and isinstance(v[0], str) for v in value)
    return pairs and len({v[0] for v in value}) == len(value)


def _text(text: str) -> str:
    """Plain where YAML reads the same text back, else quoted."""
    if _PLAIN.fullmatch(text) and scalar(text) == text and text.lower() not in _WORDS:
        return text
    return _UNSEEN.sub(_escaped, json.dumps(text, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
