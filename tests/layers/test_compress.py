"""What the stories of `compress` do not say: what is prose, what it costs, when it would pay."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.layers.compress import Compress
from costopt.layers.parts.compress_report import break_even_rate
from costopt.layers.parts.compressible import LEAST_WORDS, prose, words
from costopt.layers.parts.paid import paid_pusd
from tests.billing.small import call, usage
from tests.fakes import INPUT_RATE, READ_RATE
from tests.layers.cases.compress import ASK, PROSE, REAL, SENTENCE, SYSTEM
from tests.layers.context import Builders, evaluator_of

WHOLE = SENTENCE.strip()
KEPT = {
    "a fenced block": f"{WHOLE}\n```py\nreturn the sum of all the values that we have seen\n```\n{WHOLE}",
    "a fence left open": f"{WHOLE}\n~~~\nsay the words of the log and all of the others too\n",
    "indented code": f"{WHOLE}\n\n    for each value in the list we have read, now print it\n\n{WHOLE}",
    "inline code": f"{WHOLE} `select the rows of the table that we have made before now` {WHOLE}",
    "a tag": f"{WHOLE} <note kind='a long one with the words of the log in it'> {WHOLE}",
    "an address": f"{WHOLE} https://example.com/the-words-of-the-log {WHOLE}",
    "an object in a text": f'{WHOLE} {{"say": "you keep to the words of the log and to no others"}} {WHOLE}',
    "a table": f"{WHOLE}\n\n| row | value | total |\n| 1 | 2.5 | /data/x.csv |\n\n{WHOLE}",
    "a log": f"{WHOLE}\n\n2026-05-01T10:00:00Z INFO app.py:12 took 12.5ms id=42 code=200\n\n{WHOLE}",
}  # fmt: skip


def shown(text: str, **more: bool) -> str:
    return "|".join(text[a:b].strip() for a, b in prose(text, **more))


@pytest.mark.parametrize("what", KEPT)
def test_only_the_prose_around_it_is_compressed(what: str) -> None:
    found = shown(KEPT[what])
    assert set(found.split("|")) == {WHOLE}, f"{what}: {found}"


def test_prose_of_several_lines_and_lists_is_one_stretch() -> None:
    text = f"# Rules\n\n- {WHOLE}\n- {WHOLE}\n\nShort end.\n{WHOLE}\nin the end."
    assert shown(text) == text.split("# Rules\n\n")[1].replace("\n\nShort end.\n", "|").replace(
        "\n- ", "\n- "
    )


def test_code_without_a_fence_is_no_prose() -> None:
    code = "def total(rows):\n    # the sum of all the rows that we were given here before\n"
    code += "    return sum(r.value for r in rows)\n\nprint(total(load('x.csv')))\n"
    assert shown(code) == ""


def test_json_is_no_prose() -> None:
    assert prose(json.dumps({"rule": SENTENCE})) == []
    assert shown("[not json] " + WHOLE) == "[not json] " + WHOLE


def test_numbers_stay_where_asked() -> None:
    text = f"{WHOLE} order 1042 {WHOLE}"
    assert shown(text) == text
    assert shown(text, keep_numbers=True) == f"{WHOLE} order|{WHOLE}"


def test_scripts_without_spaces_have_words() -> None:
    text = "请回答用户提出的问题，如果不知道答案就直接说明，不要编造任何内容，也不要重复用户已经说过的话。"
    assert words(text) >= LEAST_WORDS and shown(text) == text


@given(st.text(alphabet="ab 1.`{}[]\"':,\n<>-~#/", max_size=300))
def test_stretches_are_in_order_apart_and_long_enough(text: str) -> None:
    at = 0
    for begin, end in prose(text):
        assert at <= begin < end <= len(text) and words(text[begin:end]) >= LEAST_WORDS
        at = end


def test_dollars_at_the_price_paid() -> None:
    # 1,000 of 1,614 tokens were read from the cache: they lie in the system prompt of 1,200.
    evaluator = evaluator_of([call("a", [SYSTEM, "user:" + "q" * 414], usage(614, 1_000))])
    paid = paid_pusd(evaluator.recorded, np.array([0, 1]), evaluator.handed)
    assert paid.tolist() == [1_000 * READ_RATE + 200 * INPUT_RATE, 414 * INPUT_RATE]


def fresh(sessions: int = 1) -> list[object]:
    return [call(f"c{i}", ["system:" + PROSE[:1_000], ASK], usage(1_014), session_id=f"s{i}")
            for i in range(sessions)]  # fmt: skip


def test_a_text_of_many_sessions_is_compressed_once() -> None:
    effect = evaluator_of(fresh(5)).effect((Compress(rate=0.5),))  # type: ignore[arg-type]
    (fee,) = effect.fees
    assert fee.rows.tolist() == [0] and effect.touched is not None and effect.touched.all()


def test_at_the_break_even_rate_nothing_is_left() -> None:
    """The prompts stay below the cache's minimum: no token is read from it, before or after."""
    dear = Compress(rate=0.3, usd_per_hour=3.0)  # 1,000 tokens at 5,000 a second: $0.000167
    evaluator = evaluator_of(fresh())  # type: ignore[arg-type]
    effect = evaluator.effect((dear,))
    most = break_even_rate(effect.tally)
    assert most is not None and 0.3 < most < 1
    at_it = replace(dear, rate=most)
    left = evaluator.baseline.total_pusd - evaluator.value((at_it,))
    assert abs(left) <= INPUT_RATE, "less than a token"
    assert evaluator.value((dear,)) < evaluator.baseline.total_pusd
    worse = replace(dear, rate=most + 0.05)
    assert evaluator.value((worse,)) > evaluator.baseline.total_pusd


def test_below_the_minimum_the_cache_is_lost_and_named() -> None:
    """1,214 tokens of 1,228 were read from the cache; 614 are too few for it."""
    said = ["system:" + PROSE, ASK]
    calls = [
        call(f"c{i}", said, usage(1_214 - read, read)) for i, read in enumerate((0, *[1_152] * 9))
    ]
    evaluator = evaluator_of(calls)
    effect = evaluator.effect((Compress(rate=0.5),))
    evidence = Compress(rate=0.5).report(effect.tally, effect.detail).evidence
    assert evidence["lost_cache_usd"] > 0
    assert evaluator.value((Compress(rate=0.5),)) > evaluator.baseline.total_pusd
    assert evidence["break_even_rate"] < 0.5


def test_ranges_stand_for_what_is_assumed_only() -> None:
    assert Compress(rate=0.4).ranges() == {
        "rate": (0.4, 1.0), "tokens_per_second": (500.0, 50_000.0)
    }  # fmt: skip
    assert Compress(rate=0.4, model="m").ranges() == {}
    assert set(Compress(rate=0.4, model="m", method="assumed").ranges()) == {
        "rate", "tokens_per_second"
    }  # fmt: skip


def test_without_a_model_it_says_how_to_measure() -> None:
    layer = Compress(method="llmlingua")
    evaluator = evaluator_of(fresh())  # type: ignore[arg-type]
    effect = evaluator.effect((layer,))
    report = layer.report(effect.tally, effect.detail)
    assert (report.basis, report.verified, report.risk.value) == ("assumed", False, None)
    assert "unverified" in report.risk.basis
    assert any(
        'pip install "costopt[compress,ranks]"' in n and "llmlingua," in n for n in report.notes
    )


@pytest.mark.parametrize(("replayed", "verified"), [(0, False), (40, False), (100, True)])
def test_a_replay_of_enough_answers_verifies(replayed: int, verified: bool) -> None:
    measured = {"replayed_answers": replayed, "answers_differ": 0}
    evaluator = evaluator_of(
        fresh(), builder=Builders(REAL), evidence={"compress": measured}  # type: ignore[arg-type]
    )  # fmt: skip
    layer = Compress(model="m")
    effect = evaluator.effect((layer,))
    assert layer.report(effect.tally, effect.detail).verified is verified
