"""The layer that a finding names is one of those that a policy may hold."""

from __future__ import annotations

import ast
import inspect

import pytest

from costopt.findings.discover import finders
from costopt.layers.discover import layer_names


def named_layers(finder: object) -> set[str]:
    """Text constants of a finding's file that stand where `Finding` takes its layer."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(finder)))  # type: ignore[arg-type]
    calls = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
    ]  # fmt: skip
    found = set()
    for call in calls:
        place = call.args[5] if len(call.args) > 5 else None
        named = next((k.value for k in call.keywords if k.arg == "layer"), place)
        if isinstance(named, ast.Constant) and named.value is not None:
            found.add(named.value)
    return found


@pytest.mark.parametrize("name", finders())
def test_every_layer_that_a_finding_names_is_there(name: str) -> None:
    assert named_layers(finders()[name]) <= set(layer_names())


def test_most_kinds_of_waste_have_a_layer() -> None:
    """The reading of the files above finds something to hold against the layers."""
    named = set().union(*(named_layers(f) for f in finders().values()))
    assert {"prompt_layout", "trim_tools", "batch", "tool_dedup", "window"} <= named
