"""The compiled replay and its plain twin say the same; small caches are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from costopt.layers.eviction import evictions
from costopt.layers.parts.graph import (
    NEVER,
    PPM,
    Arrivals,
    Graph,
    Rules,
    arrivals_of,
    graph_of,
    ppm,
)
from costopt.layers.parts.replay_plain import replay_plain
from costopt.layers.parts.replayed import replay, replay_fast

SECOND = 1_000_000


def stream(keys: str, gap_s: float = 10.0, latency_s: float = 1.0) -> Arrivals:
    """Arrivals of keys a, b, c, ... one every `gap_s`."""
    n = len(keys)
    at = (np.arange(n) * gap_s * SECOND).astype(np.int64)
    key = np.array([ord(k) - ord("a") for k in keys], np.int32)
    return arrivals_of(np.arange(n), key, at, np.full(n, int(latency_s * SECOND)))


def alike(keys: int, *pairs: tuple[str, float]) -> Graph:
    """A graph of `ab` 0.9, `bc` 0.8, ..."""
    ends = np.array([[ord(c) - ord("a") for c in names] for names, _ in pairs], np.int64)
    ends = ends.reshape(-1, 2)
    similarity = np.array([ppm(s) for _, s in pairs], np.int64)
    return graph_of(keys, ends[:, 0], ends[:, 1], similarity, ppm(0.5))


def sources(arrivals: Arrivals, graph: Graph, **rules: object) -> list[int]:
    settings = {"threshold_ppm": ppm(0.9)} | rules
    return replay_plain(arrivals, graph, Rules(**settings)).source.tolist()  # type: ignore[arg-type]


def test_equal_keys_are_served_by_the_first() -> None:
    assert sources(stream("abab"), Graph.of_equals(2)) == [-1, -1, 0, 1]


def test_the_nearest_living_entry_serves() -> None:
    graph = alike(3, ("ac", 0.92), ("bc", 0.95))
    assert sources(stream("abc"), graph) == [-1, -1, 1]
    assert sources(stream("ac"), graph) == [-1, 0]


def test_an_answer_that_is_not_there_yet_serves_nobody() -> None:
    assert sources(stream("aaa", gap_s=10, latency_s=15), Graph.of_equals(1)) == [-1, -1, 0]


def test_two_at_the_same_instant_do_not_serve_each_other_even_without_latency() -> None:
    assert sources(stream("aaa", gap_s=0, latency_s=0), Graph.of_equals(1)) == [-1, 0, 0]
    assert sources(stream("aa", gap_s=0, latency_s=1), Graph.of_equals(1)) == [-1, -1]


def test_the_ttl_runs_from_when_the_answer_was_there() -> None:
    # Answered at 1 s: alive before 21 s, so the arrival at 20 s hits and the one at 30 s does not.
    found = sources(stream("aaaa"), Graph.of_equals(1), ttl_us=20 * SECOND)
    assert found == [-1, 0, 0, -1]


def test_refresh_starts_the_ttl_again() -> None:
    found = sources(stream("aaaaa"), Graph.of_equals(1), ttl_us=11 * SECOND, refresh=True)
    assert found == [-1, 0, 0, 0, 0]


def test_greedy_is_not_monotone_in_the_threshold() -> None:
    """At 0.8 b is served by a, so it stores nothing, and c and d, alike to b alone, both miss."""
    graph = alike(4, ("ab", 0.8), ("bc", 0.9), ("bd", 0.9))
    hits = {t: sum(s >= 0 for s in sources(stream("abcd"), graph, threshold_ppm=ppm(t)))
            for t in (0.8, 0.9)}  # fmt: skip
    assert hits == {0.8: 1, 0.9: 2}


def test_a_threshold_above_one_serves_nobody() -> None:
    assert sources(stream("aa"), Graph.of_equals(1), threshold_ppm=PPM + 1) == [-1, -1]


def test_no_room_and_no_time_serve_nobody() -> None:
    assert sources(stream("aa"), Graph.of_equals(1), capacity=0) == [-1, -1]
    assert sources(stream("aa"), Graph.of_equals(1), ttl_us=0) == [-1, -1]


def test_expired_entries_make_room_before_living_ones_leave() -> None:
    # a expires at 16 s; c is stored at 21 s beside b, which still serves at 30 s.
    found = sources(stream("abcb"), Graph.of_equals(3), capacity=2, ttl_us=25 * SECOND)
    assert found == [-1, -1, -1, 1]


def test_a_threshold_below_the_floor_is_refused() -> None:
    with pytest.raises(ValueError, match="below floor"):
        replay(stream("ab"), alike(2, ("ab", 0.9)), Rules(ppm(0.4)))


def cache_at_random(seed: int) -> tuple[Arrivals, Graph, Rules]:
    rng = np.random.default_rng(seed)
    n, keys = int(rng.integers(1, 200)), int(rng.integers(1, 40))
    pairs = np.array(
        [(a, b) for a in range(keys) for b in range(a) if rng.random() < 0.2], np.int64
    ).reshape(-1, 2)
    # Few different values: ties among neighbours must be broken alike.
    similarity = rng.integers(5, 11, len(pairs)) * 100_000
    graph = graph_of(keys, pairs[:, 0], pairs[:, 1], similarity, ppm(0.5))
    at = np.sort(rng.integers(0, 3 * n, n)).astype(np.int64)
    arrivals = arrivals_of(
        np.arange(n), rng.integers(0, keys, n).astype(np.int32), at, rng.integers(0, 30, n)
    )
    rules = Rules(
        int(rng.integers(5, 12)) * 100_000,
        int(rng.choice([NEVER, 0, 20, 90])),
        int(rng.choice([NEVER, 0, 1, 2, 5, 20])),
        str(rng.choice(evictions())),
        bool(rng.random() < 0.5),
    )
    return arrivals, graph, rules


@pytest.mark.parametrize("part", range(6))
def test_compiled_equals_plain(part: int) -> None:
    pytest.importorskip("numba")
    for seed in range(100 * part, 100 * part + 100):
        arrivals, graph, rules = cache_at_random(seed)
        fast, plain = replay_fast(arrivals, graph, rules), replay_plain(arrivals, graph, rules)
        assert np.array_equal(fast.source, plain.source), (seed, rules)
        assert np.array_equal(fast.similarity_ppm, plain.similarity_ppm), (seed, rules)
