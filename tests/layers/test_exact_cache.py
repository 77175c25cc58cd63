"""Keys of answer caches: equal exactly where they should be, whatever the order of what makes them."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.errors import UsageError
from costopt.layers.exact_cache import ExactCache
from costopt.layers.parts.keys import Keys, KeyText, arrivals, exact_keys, key_uses, semantic_keys
from costopt.layers.parts.turns import editable
from costopt.model.call import Call
from costopt.model.trace import NO_TIME
from costopt.model.view import View
from tests.billing.small import call, usage
from tests.layers.context import evaluator_of

ASK = ["system:be kind", "user:hello"]


def asked(key: str, request: list[str], **more: object) -> Call:
    return call(key, request, usage(10, out=1), ["assistant:hi"], **more)


def keys_of(calls: list[Call], scope: tuple[str, ...] = ()) -> Keys:
    evaluator = evaluator_of(calls)
    view = View.of(evaluator.trace)
    return exact_keys(view, evaluator.handed, scope, editable(view, evaluator.prices))


def test_keys_are_numbered_by_first_appearance() -> None:
    said = [["user:b"], ["user:a"], ["user:b"], ["user:c"]]
    keys = keys_of([asked(str(i), request) for i, request in enumerate(said)])
    assert keys.node.tolist() == [0, 1, 0, 2]
    assert keys.first.tolist() == [0, 1, 3]
    assert keys.scope.tolist() == [0, 0, 0]


def test_keys_of_generated_requests_equal_a_dictionary() -> None:
    rng = np.random.default_rng(3)
    calls = []
    for i in range(300):
        words = [f"user:{w}" for w in rng.integers(0, 3, int(rng.integers(1, 4)))]
        calls.append(
            asked(str(i), words, tenant=str(rng.integers(0, 2)), max_tokens=int(i % 2) + 1)
        )
    seen: dict[object, int] = {}
    expected = [
        seen.setdefault((tuple(s.text for s in c.request or ()), c.tenant, c.max_tokens), len(seen))
        for c in calls
    ]
    keys = keys_of(calls)
    assert keys.node.tolist() == expected
    assert [len(set(keys.node[keys.scope[keys.node] == s].tolist())) > 1 for s in set(keys.scope)]


def test_other_parameters_are_another_request() -> None:
    """A schema of the answer, a sampling parameter: exact keys differ; equal ones do not."""
    said = ["", '{"top_p":0.5}', '{"response_format":{"type":"json_object"}}', '{"top_p":0.5}', ""]
    keys = keys_of([asked(str(i), ASK, settings=s) for i, s in enumerate(said)])
    assert keys.node.tolist() == [0, 1, 2, 1, 0]


def test_another_form_of_the_answer_is_another_scope() -> None:
    """A semantic cache may serve an answer of another `top_p`, never one of another schema."""
    said = ["", '{"top_p":0.5}', '{"response_format":{"type":"json_object"},"seed":1}']
    evaluator = evaluator_of([asked(str(i), ASK, settings=s) for i, s in enumerate(said)])
    view = View.of(evaluator.trace)
    calls = editable(view, evaluator.prices)
    keys = semantic_keys(view, evaluator.handed, (), calls, "last_user")
    assert keys.node.tolist() == [0, 0, 1]
    assert keys.scope.tolist() == [0, 1]


def test_equal_content_is_equal_keys() -> None:
    one, other = keys_of([asked("a", ASK)]), keys_of([asked("b", ASK)])
    assert one == other and hash(one) == hash(other)
    assert one != keys_of([asked("a", ["user:hello"])])


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("last_user", [0, 0, 0, 0, 0, 0, 1, 1]),
        ("first_turn", [0, 0, 1, 1, 0, 0, 0, 0]),
        ("all", [0, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_what_is_embedded(text: KeyText, chosen: list[int]) -> None:
    said = [
        "tools:{}", "system:s", "user:one", "user:two", "call/look:{}", "result/look:r",
        "user:three", "user:four",
    ]  # fmt: skip
    other = ["user:x", "assistant:y"]
    view = View.of(evaluator_of([asked("a", said), asked("b", other), asked("c", said)]).trace)
    uses = key_uses(view, text).astype(int).tolist()
    assert uses[:8] == uses[10:] == chosen
    assert uses[8:10] == ([1, 1] if text == "all" else [1, 0])


def test_a_picture_is_in_the_scope_not_in_the_text() -> None:
    from costopt.model.call import Segment, SegmentKind

    calls = [asked(k, ["user:what is this"]) for k in "abc"]
    for one, picture in zip(calls, ("cat", "dog", "cat"), strict=True):
        assert one.request is not None
        one.request.append(Segment(SegmentKind.IMAGE, picture))
    evaluator = evaluator_of(calls)
    view = View.of(evaluator.trace)
    keys = semantic_keys(view, evaluator.handed, (), editable(view, evaluator.prices), "last_user")
    assert keys.scope[keys.node].tolist() == [0, 1, 0]
    assert len({t.tobytes() for t in keys.text}) == 1


def test_an_unknown_scope_says_what_there_is() -> None:
    with pytest.raises(UsageError, match="no column `tennant`"):
        evaluator_of([asked("a", ASK)]).effect((ExactCache(scope=("tennant",)),))


def test_without_times_the_order_of_the_log_serves_where_nothing_expires() -> None:
    calls = [asked(k, ASK) for k in "ab"]
    for i, one in enumerate(calls):
        one.at_us, one.source_line = None, i + 1
    from costopt.model.build import trace_of

    evaluator = evaluator_of(trace_of(calls))
    assert (evaluator.trace.at_us == NO_TIME).all()
    timed, endless = (evaluator.effect((ExactCache(ttl=t),)) for t in (60.0, "none"))
    assert timed.is_empty and timed.tally["calls_without_time"] == 2
    assert endless.tally["hits"] == 1


def test_calls_without_a_time_answer_one_another_alone() -> None:
    calls = [asked("a", ASK), asked("b", ASK)]
    calls[0].at_us = None
    calls[1].at_us = 5
    from costopt.model.build import trace_of

    evaluator = evaluator_of(trace_of(calls))
    view = View.of(evaluator.trace)
    keys = exact_keys(view, evaluator.handed, (), editable(view, evaluator.prices))
    assert keys.n == 2
    order = arrivals(view, keys)
    assert (order.at_us < 5).tolist() == [True, False]


def test_the_order_of_calls_in_a_file_decides_nothing() -> None:
    rng = np.random.default_rng(1)
    calls = [asked(str(i), [f"user:{i % 3}"], at_us=1_000_000 * i) for i in range(9)]
    first = evaluator_of(calls).effect((ExactCache(),))
    mixed = [calls[i] for i in rng.permutation(9).tolist()]
    again = evaluator_of(mixed).effect((ExactCache(),))
    assert first.tally == again.tally
    assert first.tally["hits"] == 6
