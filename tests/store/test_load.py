"""What the store gives back is what the plain twin makes of the same calls."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from costopt.model.build import trace_of
from costopt.model.call import Call, Segment, SegmentKind, Usage
from costopt.model.request_settings import unsendable
from costopt.model.trace import Trace
from costopt.store.store import Store
from tests.sources.reading import SAMPLES, read
from tests.store.making import ListStream, assert_same, random_calls

FOLDERS = sorted(p for p in SAMPLES.iterdir() if p.is_dir())


def stored(*streams: ListStream, no_content: bool = False) -> tuple[Trace, Trace]:
    """Loaded by name, and as the best copies of all sets."""
    with Store.open(None) as store:
        store.ingest(streams, "d", no_content=no_content)
        return store.load("d"), store.load(None)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_samples_come_back_as_the_twin_makes_them(folder: Path) -> None:
    found = read(folder)
    by_name, best = stored(ListStream(found.records))
    assert_same(twin(found.all_calls), by_name)
    assert_same(twin(found.all_calls), best)


@pytest.mark.parametrize("seed", range(12))
def test_random_calls_come_back_as_the_twin_makes_them(seed: int) -> None:
    calls = random_calls(seed)
    by_name, best = stored(ListStream(calls))
    assert_same(twin(calls), by_name)
    assert_same(twin(calls), best)


@pytest.mark.parametrize("seed", range(4))
def test_neither_order_nor_splitting_changes_a_column(seed: int) -> None:
    """Lines stay what they were; only where and when they are read changes."""
    calls = [c for c in random_calls(seed) if c.at_us is not None]
    shuffled = random.Random(seed).sample(calls, len(calls))
    halves = ListStream(shuffled[::2]), ListStream(shuffled[1::2])
    assert_same(twin(calls), stored(*halves)[0], ("files", "dataset", "sample_rate", "source_line"))


def twin(calls: list[Call]) -> Trace:
    return trace_of(calls, source_file="log.jsonl", format="made")


def test_an_empty_set_loads() -> None:
    got, best = stored(ListStream([]))
    assert got.n == best.n == 0
    assert_same(trace_of([]), got)


def test_texts_come_back_byte_for_byte() -> None:
    texts = ["plain", "日本", "lone \ud83d half", "a\x00b", ""]
    call = Call("k", Usage(), request=[Segment(SegmentKind.USER, t) for t in texts], response=[])
    with Store.open(None) as store:
        store.ingest([ListStream([call])], "d")
        trace = store.load("d")
        assert store.texts(trace).get(trace.request.ids) == texts
        assert store.texts(trace).get(np.array([2, 0], np.int32)) == [texts[2], texts[0]]


def test_texts_of_a_large_trace_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costopt.store.texts.ALL_AT_ONCE_BYTES", 1)
    call = Call("k", Usage(), request=[Segment(SegmentKind.USER, t) for t in ("a", "b", "c")])
    with Store.open(None) as store:
        store.ingest([ListStream([call])], "d")
        texts = store.texts(store.load("d"))
        assert texts.get([2, 0, 2]) == ["c", "a", "c"]
        assert texts.get([]) == []


@pytest.mark.parametrize("room", [0, 3, 1_000_000])
def test_texts_at_hand_are_those_of_the_store(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("costopt.store.texts.ALL_AT_ONCE_BYTES", 1)
    monkeypatch.setattr("costopt.store.texts.RECENT_BYTES", room)
    words = [str(number) for number in range(30)]
    call = Call("k", Usage(), request=[Segment(SegmentKind.USER, word) for word in words])
    rng = random.Random(room)
    with Store.open(None) as store:
        store.ingest([ListStream([call])], "d")
        texts = store.texts(store.load("d"))
        for _ in range(40):
            asked = rng.choices(range(30), k=rng.randrange(6))
            assert texts.get(asked) == [words[i] for i in asked]


def test_without_content_everything_but_the_text_is_the_same() -> None:
    calls = random_calls(3)
    loud, quiet = stored(ListStream(calls))[0], stored(ListStream(calls), no_content=True)[0]
    assert not quiet.segments.has_text.any()
    assert loud.segments.has_text.any()
    assert_same(loud, quiet, ("segments", "settings", "files", "dataset", "sample_rate"))
    assert np.array_equal(loud.settings.codes, quiet.settings.codes)
    assert [unsendable(s) == "" for s in quiet.settings.values] == [True, True, False]
    assert np.array_equal(loud.segments.n_bytes, quiet.segments.n_bytes)


def test_a_text_that_comes_later_fills_what_was_kept_without() -> None:
    calls = random_calls(5)
    with Store.open(None) as store:
        store.ingest([ListStream(calls)], "quiet", no_content=True)
        store.ingest([ListStream(calls)], "loud")
        assert_same(twin(calls), store.load("loud"))
