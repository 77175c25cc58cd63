"""Settings of a layer: from plain values to the frozen dataclass, with complaints a person can use."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints

from pydantic import TypeAdapter, ValidationError

from costopt.errors import CostoptError, nearest
from costopt.layers.base import Layer
from costopt.layers.discover import layer_class, name_of
from costopt.model.escape import clean
from costopt.wiring.field_docs import field_docs

LONGEST_SHOWN = 60
LARGEST = 10**12
"""No log has as many tokens, calls or seconds, and arrays count in 64 bits."""


class Wrong(NamedTuple):
    """A complaint about one setting (empty: about the layer), before its line is known."""

    at: tuple[str | int, ...]
    message: str
    hint: str


@cache
def adapter(cls: type[Layer]) -> TypeAdapter[Layer]:
    """Checks and describes the settings of a layer class."""
    return TypeAdapter(cls)


def setting_names(cls: type[Layer]) -> tuple[str, ...]:
    """All settings, in the order of the class."""
    return tuple(f.name for f in dataclasses.fields(cls))  # type: ignore[arg-type]


def layer_of(name: str, values: Mapping[str, Any]) -> Layer | list[Wrong]:
    """The layer with these settings, or what is wrong with them. KeyError: no such layer."""
    cls = layer_class(name)
    wrong = [*_unknown(name, setting_names(cls), values), *_too_large(name, values)]
    if wrong:
        return wrong
    try:
        # Strict JSON: "8" and true are no numbers, while lists become tuples.
        return adapter(cls).validate_json(json.dumps(dict(values)), strict=True)
    except ValidationError as error:
        return list(_complaints(name, error))
    except (CostoptError, TypeError, ValueError) as error:
        return [Wrong((), f"layer `{name}`: {clean(str(error))}", _page(name))]


def with_setting(layer: Layer, setting: str, value: Any) -> Layer | list[Wrong]:
    """The same layer with one setting as a user would write it."""
    name = name_of(layer)
    asked = {setting: value}
    wrong = [*_unknown(name, setting_names(type(layer)), asked), *_too_large(name, asked)]
    if wrong:
        return wrong
    hint = get_type_hints(type(layer), include_extras=True)[setting]
    try:
        made = TypeAdapter(hint).validate_json(json.dumps(value), strict=True)
        return dataclasses.replace(layer, **{setting: made})  # type: ignore[type-var]
    except ValidationError as error:
        return list(_complaints(name, error, (setting,)))
    except (CostoptError, TypeError, ValueError) as error:
        return [Wrong((), f"layer `{name}`: {clean(str(error))}", _page(name))]


def changed(layer: Layer) -> dict[str, Any]:
    """Settings that are not the defaults, by name, as the dataclass holds them."""
    found = {}
    for f in dataclasses.fields(layer):  # type: ignore[arg-type]
        default = f.default
        if default is dataclasses.MISSING and f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        value = getattr(layer, f.name)
        if default is dataclasses.MISSING or value != default:
            found[f.name] = value
    return found


def _unknown(name: str, valid: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[Wrong]:
    for key in values:
        if key not in valid:
            hint = f"{nearest(key, valid)}  {_page(name)}".strip()
            yield Wrong((key,), f"layer `{name}` has no setting `{clean(key)}`.", hint)


def _too_large(name: str, values: Mapping[str, Any]) -> Iterator[Wrong]:
    for key, value in values.items():
        if isinstance(value, int | float) and abs(value) > LARGEST:
            message = f"layer `{name}`: `{clean(key)}`: more than {LARGEST:,} is not taken."
            yield Wrong((key,), message, _page(name))


def _complaints(name: str, error: ValidationError, inside: tuple[str, ...] = ()) -> Iterator[Wrong]:
    """One a setting: a union complains once for each of its types."""
    by_setting: dict[str, list[Any]] = {}
    for found in error.errors(include_url=False):
        found["loc"] = (*inside, *found["loc"])
        by_setting.setdefault(str(found["loc"][0]) if found["loc"] else "", []).append(found)
    for setting, found_here in by_setting.items():
        reasons = ", or ".join(dict.fromkeys(said(f) for f in found_here))
        if found_here[0]["type"] == "missing":
            message = f"layer `{name}` needs `{setting}`."
        elif setting:
            message = f"layer `{name}`: `{setting}`: {reasons}{_says(found_here[0])}."
        else:
            message = f"layer `{name}`: {reasons}."
        at = tuple(found_here[0]["loc"]) if len(found_here) == 1 else (setting,)
        yield Wrong(at if setting else (), clean(message), _page(name))


def said(found: Any) -> str:
    """What pydantic says of one error, as a part of a sentence."""
    text = str(found["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:].rstrip(".") if not text.startswith("`") else text.rstrip(".")


def _says(found: Any) -> str:
    if found["type"] in ("value_error", "missing"):
        return ""
    text = json.dumps(found["input"], default=str)
    return f" (it says {text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + '…'})"


def _page(name: str) -> str:
    return f"All settings: costopt explain {name}"


def layer_schema(name: str) -> dict[str, Any]:
    """JSON Schema of a layer's settings, each with its documentation."""
    from costopt.wiring.policy.schema import Permissive

    cls = layer_class(name)
    schema = adapter(cls).json_schema(schema_generator=Permissive)
    docs = field_docs(cls)
    for setting, part in schema.get("properties", {}).items():
        part.pop("title", None)
        if part.get("type") == "object" and isinstance(part.get("default"), list):
            part["default"] = dict(part["default"])  # held as pairs, written as a mapping
        if docs.get(setting):
            part["description"] = docs[setting]
    schema["additionalProperties"] = False
    schema["description"] = inspect.cleandoc(cls.__doc__ or "").splitlines()[0]
    schema.pop("title", None)
    return schema
