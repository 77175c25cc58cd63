"""Arrivals of a log, of public traces, and of more or fewer users."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costopt.errors import InputError, UsageError
from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind, Usage
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.serving.arrivals import DAY_S, Arrivals, in_order
from costopt.serving.arrivals_azure import azure
from costopt.serving.arrivals_log import arrivals_of
from costopt.serving.arrivals_scaled import LONGEST_SHIFT_S, longest_shift_s, scaled
from costopt.serving.arrivals_servegen import servegen

START_US = 1_700_000_000_000_000


def block(name: str, tokens: int) -> Segment:
    return Segment(SegmentKind.USER, name, tokens=tokens)


def call(number: int, at_s: float | None, request: list[Segment] | None, output: int = 32) -> Call:
    usage = Usage()
    usage.leaves[Leaf.INPUT_FRESH] = sum(one.tokens for one in request or [block("", 100)])
    usage.leaves[Leaf.OUTPUT_TEXT] = output
    at_us = None if at_s is None else START_US + int(at_s * 1e6)
    answer = [block(f"answer {number}", output)]
    return Call(
        f"c{number}", usage, id=f"c{number}", at_us=at_us, session_id=f"s{number // 2}",
        request=request, response=answer if request else None,
    )  # fmt: skip


def conversation() -> View:
    """Two sessions of two turns; all share the system prompt, a turn goes on from the one before."""
    system = block("you are", 64)
    turns = [
        call(0, 0.0, [system, block("a", 32)]),
        call(1, 9.0, [system, block("a", 32), block("answer 0", 32), block("b", 16)]),
        call(2, 5.0, [system, block("c", 48)]),
        call(3, 30.0, [system, block("c", 48), block("answer 2", 32), block("d", 16)]),
    ]
    return View.of(trace_of(turns))


def test_a_logs_own_times_lengths_and_sessions() -> None:
    found = arrivals_of(conversation())
    assert found.at_s.tolist() == [0.0, 5.0, 9.0, 30.0]
    assert found.prompt_tokens.tolist() == [96, 112, 144, 160]
    assert found.output_tokens.tolist() == [32] * 4
    first, second, third, fourth = found.session.tolist()
    assert first == third and second == fourth and first != second
    assert found.span_s == DAY_S, "a log of half a minute is that day's whole traffic"


def test_prompts_share_the_blocks_of_what_they_begin_with() -> None:
    """16 tokens a block: 4 of the system prompt for all; a turn finds all of the one before."""
    found = arrivals_of(conversation())
    rows = [set(found.block_ids[a:b].tolist()) for a, b in
            zip(found.block_offsets[:-1], found.block_offsets[1:], strict=True)]  # fmt: skip
    assert [len(row) for row in rows] == [8, 9, 11, 12], "prompt and answer in full blocks"
    assert len(rows[0] & rows[1]) == 4
    assert rows[0] <= rows[2] and rows[1] <= rows[3]
    assert sorted({*found.block_ids.tolist()}) == list(range(int(found.block_ids.max()) + 1))


def test_what_cannot_be_simulated_is_counted() -> None:
    calls = [call(0, 0.0, None), call(1, None, None), call(2, 3.0, None)]
    calls[2].usage.leaves[Leaf.INPUT_FRESH] = calls[2].usage.leaves[Leaf.OUTPUT_TEXT] = 0
    many = call(3, 4.0, None)
    many.requests = 7
    found = arrivals_of(View.of(trace_of([*calls, many])))
    assert found.n == 1 and not len(found.block_ids)
    assert found.left_out == {
        "no time in the log": 1, "no tokens in the log": 1, "a total of several requests": 1,
    }  # fmt: skip


def test_only_the_rows_asked_for() -> None:
    view = conversation()
    found = arrivals_of(view, view.at_us > START_US, span_s=60.0)
    assert found.at_s.tolist() == [5.0, 9.0, 30.0], "seconds of the log's window, not of the part's"
    assert found.span_s == 60.0


def traffic(seed: int, n: int = 400) -> Arrivals:
    """Sessions in bursts, with shared and private blocks."""
    rng = np.random.default_rng(seed)
    at_s = np.sort(rng.choice(20, n) * 500.0 + rng.exponential(5.0, n))
    session = rng.integers(0, 60, n)
    ids = np.stack([rng.integers(0, 3, n), 3 + session], axis=1).ravel()
    return Arrivals(
        at_s, rng.integers(1, 900, n), rng.integers(1, 90, n), session, 10_000.0,
        2 * np.arange(n + 1), ids,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 6.0), st.floats(0.02, 6.0), st.integers(0, 5))
def test_scaling_keeps_sessions_whole_and_only_ever_adds(a: float, b: float, seed: int) -> None:
    whole = traffic(1)
    small, large = (scaled(whole, scale, seed) for scale in sorted((a, b)))
    assert small.n <= large.n
    assert (np.diff(large.at_s) >= 0).all() and large.span_s == whole.span_s
    sizes = np.bincount(whole.session, minlength=60)
    for found in (small, large):
        counts = np.bincount(found.session)
        kept = np.flatnonzero(counts)
        assert (counts[kept] == sizes[kept % len(sizes)]).all()


@pytest.mark.parametrize("scale", [0.25, 0.5, 3.0, 7.0])
def test_traffic_grows_by_the_scale(scale: float) -> None:
    """Within the spread that whole sessions have."""
    whole = traffic(2, 4000)
    found = np.mean([scaled(whole, scale, seed).n for seed in range(20)])
    assert found == pytest.approx(scale * whole.n, rel=0.05)


def test_peaks_stay_where_they_are() -> None:
    """Bursts every 500 s: three times the users fire in the same bursts, none in between."""
    whole, more = traffic(3), scaled(traffic(3), 3.0)
    quiet = (more.at_s % 500 > 300).mean()
    assert quiet < 0.02
    assert more.peak_per_s(500.0) == pytest.approx(3 * whole.peak_per_s(500.0), rel=0.1)


def test_copies_share_only_what_sessions_shared() -> None:
    whole = traffic(4)
    more = scaled(whole, 2.0)
    shared = {*whole.block_ids[whole.block_ids < 3].tolist()}
    assert len({*more.block_ids.tolist()}) == 2 * len({*whole.block_ids.tolist()}) - len(shared)


def test_scale_one_changes_nothing_and_nonsense_is_refused() -> None:
    whole = traffic(5)
    assert scaled(whole, 1.0) is whole
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="above 0"):
            scaled(whole, scale)


def test_arrivals_out_of_order_are_refused() -> None:
    one = np.ones(2, np.int64)
    with pytest.raises(InputError, match="order of time"):
        Arrivals(np.array([2.0, 1.0]), one, one, one, 10.0)
    assert in_order(np.array([2.0, 1.0]), one, 2 * one, 10.0).at_s.tolist() == [1.0, 2.0]


AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,480,10
2023-11-16 18:17:05.0000000,12,8
2023-11-16 18:17:04.2299600,7,0
"""


def test_an_azure_trace(tmp_path: Path) -> None:
    path = tmp_path / "azure.csv"
    path.write_text(AZURE)
    found = azure(path)
    np.testing.assert_allclose(found.at_s, [0.0, 0.25, 1.02004], atol=1e-6)
    assert found.prompt_tokens.tolist() == [480, 7, 12]
    assert found.workload().output_tokens.tolist() == [10, 1, 8], (
        "an engine gives one token at least"
    )
    path.write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,1,2\n"
    )
    assert azure(path).n == 1, "the week of 2024 spells its times with a zone"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "lacks TIMESTAMP"),
        (AZURE + "yesterday,1,2\n", ":5"),
        (AZURE + "2023-11-16 18:17:04.0,-1,2\n", "below 0"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "without requests"),
    ],
)
def test_no_azure_trace(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "azure.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        azure(tmp_path / "azure.csv")
    assert says in str(caught.value)


def client(
    folder: Path, number: int, rate: float, family: str, shape: float, lengths: bool
) -> None:
    busy, quiet = f"{rate},1.0,{family},{shape},1.0", "0,0,,0,0"
    rows = [f"0,{busy}", f"600,{quiet}", f"1200,{busy}", f"1800,{quiet}"]
    (folder / f"chunk-{number}-trace.csv").write_text("\n".join(rows) + "\n")
    if lengths:
        one = {"input_tokens": "{100: 0.5, 300: 0.5}", "output_tokens": "{7: 1.0}"}
        none = {"input_tokens": "{}", "output_tokens": "{}"}
        (folder / f"chunk-{number}-dataset.json").write_text(json.dumps({"0": one, "1200": none}))


@pytest.mark.parametrize(("family", "shape"), [("Gamma", 0.4), ("Gamma", 1.0), ("Weibull", 0.7)])
def test_a_servegen_client_comes_at_its_rate(tmp_path: Path, family: str, shape: float) -> None:
    """5 a second for 600 s, then nothing; the window without lengths is left out and counted."""
    client(tmp_path, 0, 5.0, family, shape, True)
    found = [servegen(tmp_path, 0.0, 1800.0, seed) for seed in range(10)]
    assert np.mean([one.n for one in found]) == pytest.approx(3000, rel=0.05)
    assert max(float(one.at_s.max()) for one in found) < 600
    assert found[0].left_out == {"no published lengths": 3000}
    assert {*found[0].prompt_tokens.tolist()} == {100, 300}
    assert {*found[0].output_tokens.tolist()} == {7}
    assert found[0].prompt_tokens.mean() == pytest.approx(200, rel=0.05)


def test_servegen_clients_are_laid_over_each_other(tmp_path: Path) -> None:
    client(tmp_path, 0, 1.0, "Gamma", 1.0, True)
    client(tmp_path, 1, 2.0, "Gamma", 1.0, False)
    found = servegen(tmp_path, 0.0, 600.0)
    assert found.n == pytest.approx(600, rel=0.15)
    assert found.left_out == {"no published lengths": 1200}


def test_no_servegen_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No ServeGen client"):
        servegen(tmp_path)
    client(tmp_path, 0, 1.0, "Pareto", 1.0, True)
    with pytest.raises(InputError, match="`Pareto` are not known"):
        servegen(tmp_path)
    client(tmp_path, 0, 1.0, "Gamma", 1.0, False)
    (tmp_path / "chunk-0-dataset.json").unlink()
    with pytest.raises(InputError, match="No requests in this stretch"):
        servegen(tmp_path)


def test_copies_of_few_sessions_do_not_begin_within_minutes_of_each_other() -> None:
    """A dense log keeps its minutes; four sessions a day do not say at which one others begin."""
    day = 86_400.0
    sparse = Arrivals(
        np.array([1e4, 3e4, 5e4, 7e4]), np.full(4, 10), np.full(4, 5), np.arange(4), day
    )
    assert longest_shift_s(sparse) == day / 4
    at_s = np.sort(np.random.default_rng(0).uniform(0, day, 2000))
    dense = Arrivals(at_s, np.full(2000, 10), np.full(2000, 5), np.arange(2000), day)
    assert longest_shift_s(dense) == LONGEST_SHIFT_S
    more = scaled(sparse, 1000.0)
    assert (
        more.peak_per_s(60.0) < 0.05 * 4000 / 60
    )  # else each of the four would be a burst of a thousand
