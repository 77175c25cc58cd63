"""The file of published acceptance: every figure has its source, and makes sense as a number."""

from __future__ import annotations

import re

import pytest

from costopt.errors import UsageError
from costopt.serving.models import shape
from costopt.serving.speculation.config import model_config
from costopt.serving.speculation.methods import (
    METHODS,
    NotPublished,
    Range,
    acceptance_range,
    figures,
    method,
    preset,
    presets,
    tasks,
)

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@pytest.mark.parametrize(
    "figure", figures(), ids=lambda one: f"{one.method}-{one.task}-{one.draft}"
)
def test_a_figure_has_a_source_a_day_and_possible_lengths(figure) -> None:  # type: ignore[no-untyped-def]
    assert figure.method in METHODS and figure.kind == "published"
    assert figure.source.startswith("https://") and DAY.fullmatch(figure.checked)
    assert figure.read_at.startswith("https://") if figure.confirmed else not figure.read_at
    assert figure.published[:2] == "20" and figure.lengths
    assert all(0 <= a <= 1 for a in figure.acceptances())
    rising = [figure.lengths[g] for g in sorted(figure.lengths)]
    assert rising == sorted(rising)


def test_positions_give_back_the_lengths() -> None:
    found = [one for one in figures("eagle3", "code") if one.acceptance()]
    assert found
    for figure in found:
        known = figure.acceptance()
        assert known is not None
        for g, length in figure.lengths.items():
            assert known.tokens_per_step(g) == pytest.approx(length, abs=1e-9)


def test_ranges_hold_their_figures() -> None:
    span = acceptance_range("eagle3", "code")
    assert isinstance(span, Range) and span.kind == "published"
    assert 0 < span.low < span.middle < span.high < 1
    wider = acceptance_range("eagle3")
    assert isinstance(wider, Range)
    assert wider.low <= span.low and wider.high >= span.high
    assert set(tasks("eagle3")) >= {"code", "math", "conversation", "summarization"}


def test_drafted_steps_alone_say_nothing_of_a_look_up_method() -> None:
    assert any(not one.all_steps for one in figures("ngram"))
    span = acceptance_range("ngram")
    assert isinstance(span, Range) and all(one.all_steps for one in span.figures)


def test_what_nobody_measured_is_not_published() -> None:
    for asked in (acceptance_range("medusa"), acceptance_range("suffix", "agent")):
        assert isinstance(asked, NotPublished) and "measure" in asked.reason


@pytest.mark.parametrize("name", presets())
def test_a_preset_names_models_and_says_what_its_range_rests_on(name: str) -> None:
    pair = preset(name)
    assert shape(pair.target).name == pair.target
    assert pair.method in METHODS and pair.draft_tokens >= 1
    assert 0 < pair.acceptance.low <= pair.acceptance.high < 1
    assert (
        pair.acceptance.figures if pair.acceptance.kind == "published" else pair.acceptance.reason
    )


def test_llama_3b_drafting_for_70b_is_a_preset_that_nobody_has_measured() -> None:
    pair = preset("llama-3.1-70b+llama-3.2-3b")
    assert (pair.method, pair.draft) == ("draft_model", "llama-3.2-3b")
    assert pair.acceptance.kind == "assumed" and "0.72" in pair.acceptance.reason


@pytest.mark.parametrize("name", presets())
def test_a_presets_drafter_is_what_a_server_can_load(name: str) -> None:
    pair = preset(name)
    config = model_config(pair.method, pair.draft_tokens, pair.repository)
    assert config["method"] == METHODS[pair.method].vllm
    assert ("model" in config) == (pair.method != "mtp")
    assert "/" in pair.repository or not pair.repository
    if pair.method == "draft_model":
        assert shape(pair.repository) == shape(pair.draft)


def test_names_are_forgiving_and_unknown_ones_are_told() -> None:
    assert method("Prompt-Lookup").name == "ngram"
    with pytest.raises(UsageError) as told:
        method("eagle4")
    assert "eagle" in told.value.hint
    with pytest.raises(UsageError):
        preset("gpt-4")
