"""`--set`: exact ranges, lists, and the nearest name where one is wrong."""

from __future__ import annotations

import pytest

from costopt.errors import UsageError
from costopt.wiring.policy.grid import at_point, parse_grid
from costopt.wiring.policy.load import parse_policy

POLICY = parse_policy(
    "version: 1\nlayers:\n- trim_tools: {max_tokens: 500, match: {agent: [a]}}\n- window: {}\n"
)


def test_a_range_is_exact_and_holds_both_ends() -> None:
    (axis,) = parse_grid(["trim_tools.head_share=0.80:0.99:0.01"], POLICY)
    assert axis.values == tuple(i / 100 for i in range(80, 100))
    (axis,) = parse_grid(["trim_tools.max_tokens=100:350:100"], POLICY)
    assert axis.values == (100, 200, 300)
    assert all(isinstance(v, int) for v in axis.values)


def test_lists_and_other_values() -> None:
    axes = parse_grid(["trim_tools.max_tokens=4, 6,6", "trim_tools.protect=[x, 'y,z']"], POLICY)
    assert [a.values for a in axes] == [(4, 6), (["x", "y,z"],)]
    made = at_point(POLICY, axes, {"trim_tools.max_tokens": 6, "trim_tools.protect": ["x"]})
    layer = made.layers[0]
    assert (layer.max_tokens, layer.protect) == (6, ("x",))  # type: ignore[attr-defined]
    assert layer.match == (("agent", ("a",)),)  # type: ignore[attr-defined]
    assert made.layers[1] is POLICY.layers[1]


def test_a_layer_that_stands_twice() -> None:
    policy = parse_policy("version: 1\nlayers: [trim_tools, window, trim_tools]\n")
    with pytest.raises(UsageError, match="stands 2 times"):
        parse_grid(["trim_tools.max_tokens=4"], policy)
    (axis,) = parse_grid(["trim_tools[2].max_tokens=4"], policy)
    assert (axis.index, axis.name) == (2, "trim_tools[2].max_tokens")
    with pytest.raises(UsageError, match=r"no trim_tools\[3\]"):
        parse_grid(["trim_tools[3].max_tokens=4"], policy)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "nothing to vary"),
        (["window"], "no setting with values"),
        (["windw.turns=3"], "Did you mean `window`"),
        (["tool_dedup.x=3"], "has no layer `tool_dedup`"),
        (["trim_tools.max_token=3"], "Did you mean `max_tokens`"),
        (["trim_tools.max_tokens=a,b"], "valid integer"),
        (["trim_tools.max_tokens=1,,2"], "a value is missing"),
        (["trim_tools.max_tokens=1e999"], "too large"),
        (["trim_tools.max_tokens=9:1:1"], "goes up"),
        (["trim_tools.max_tokens=1:9:0"], "goes up"),
        (["trim_tools.max_tokens=1:99999:1"], "more than"),
        (["trim_tools.max_tokens=3", "trim_tools.max_tokens=4"], "given twice"),
        (["trim_tools.protect=[a"], "not valid YAML"),
        (["trim_tools.max_tokens=1:999:1", "trim_tools.overhead_tokens=1:99:1"], "points are more"),
    ],
)  # fmt: skip
def test_a_wrong_grid_is_a_sentence(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_grid(texts, POLICY)
    assert said in str(caught.value)
    assert "--set" in str(caught.value)
