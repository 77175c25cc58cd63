"""A layer is told by its file: settings with their help, a page, what it touches, and stories."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from typing import Any

import pytest

from costopt.layers.base import Partition
from costopt.layers.discover import USUAL_ORDER, class_name, layer_class, layer_names, name_of
from costopt.model.view import Column
from tests.laws.trials import each_layer, settings_of
from tests.layers.case import cases

SECTIONS = (
    "## Where the money goes",
    "## What can go wrong",
    "## How it is simulated",
    "## What a replay measures",
    "## Sources",
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@each_layer
def test_a_page(name: str) -> None:
    """One sentence, then the five sections in their order, each with text."""
    page = inspect.getdoc(layer_class(name)) or ""
    assert page.split("\n")[0].endswith((".", ":")) or "." in page.split("\n\n")[0], (
        "a first sentence"
    )
    places = [page.find(section) for section in SECTIONS]
    assert -1 not in places, f"missing: {SECTIONS[places.index(-1)]}"
    assert places == sorted(places)
    for section, text in zip(SECTIONS, re.split(r"^## .*$", page, flags=re.M)[1:], strict=False):
        assert len(text.strip()) > 20, f"{section} says nothing"


@each_layer
def test_settings(name: str) -> None:
    """A frozen dataclass that can be hashed; each field says what it is, in whole sentences."""
    cls: Any = layer_class(name)
    assert cls.__name__ == class_name(name) and name_of(_any(name)) == name
    told = help_of(cls)
    assert vars(cls)["__dataclass_params__"].frozen
    for field in dataclasses.fields(cls):
        assert _NAME.fullmatch(field.name)
        text = told.get(field.name, "")
        assert text and text.rstrip().endswith((".", ":", "`")), f"{field.name}: {text!r}"
    layer = _any(name)
    assert hash(layer) == hash(dataclasses.replace(layer)), (
        "settings are hashable: tuples, no lists"
    )
    assert layer == dataclasses.replace(layer)


@each_layer
def test_what_it_declares(name: str) -> None:
    """Partition, needs, touches, neutral settings and ranges are what the contract says."""
    cls = layer_class(name)
    settings = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    assert isinstance(cls.partition, Partition) and all(isinstance(n, str) for n in cls.needs)
    assert cls.touches <= frozenset(Column)
    assert cls.NEUTRAL and set(cls.NEUTRAL) <= settings
    for case in settings_of(name):
        for setting, (low, high) in case.layer.ranges().items():
            value = getattr(case.layer, setting)
            assert setting in settings and low <= value <= high, f"{setting}: {low} {value} {high}"
            for end in (low, high):
                dataclasses.replace(case.layer, **{setting: end})  # type: ignore[type-var]


@each_layer
def test_stories(name: str) -> None:
    """Some, with names of their own, one of which changes nothing and one something."""
    told = cases(name)
    assert told, f"tests/layers/cases/{name}.py has no CASES"
    assert all(name_of(c.layer) == name for c in told)
    assert len({c.name for c in told}) == len(told)
    assert any(c.expect.nothing for c in told), "tell when it does nothing"
    assert any(c.expect.touched for c in told), "tell which calls it touches"


def test_every_layer_has_its_place() -> None:
    """The usual order names our own; others come behind, by name."""
    known = [n for n in layer_names() if n in USUAL_ORDER]
    assert known == [n for n in USUAL_ORDER if n in layer_names()]
    others = [n for n in layer_names() if n not in USUAL_ORDER]
    assert others == sorted(others)


def help_of(cls: type) -> dict[str, str]:
    """Field to the string under it."""
    body = ast.parse(inspect.cleandoc(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    out = {}
    for line, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            out[line.target.id] = str(below.value.value)
    return out


def _any(name: str) -> Any:
    """The layer with its defaults, or as its first story has it where a setting has none."""
    try:
        return layer_class(name)()
    except TypeError:
        found = cases(name)
        if not found:
            pytest.fail(f"tests/layers/cases/{name}.py has no CASES")
        return found[0].layer
