"""The look-ups of a semantic cache with all that its replays need, replayed once for each rule.

A sweep asks for many thresholds, ttls and capacities over the same keys: graph and answers are shared,
and rules asked for before are not replayed again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.answers import Answers, Compared, self_disagreement
from costopt.layers.parts.graph import PPM, Arrivals, Graph, Rules
from costopt.layers.parts.judge import Judge, JudgedPairs, sampled
from costopt.layers.parts.keys import Keys
from costopt.layers.parts.replayed import replay
from costopt.layers.parts.threshold import Hits

Int = NDArray[np.int64]
KEPT_REPLAYS = 64
"""Those of one curve and its advice, and as many of a sweep: 10 bytes a hit each."""


@dataclass(frozen=True, eq=False)
class LookUps:
    """What asks, when, and in which group of answers. Equal content, equal look-ups."""

    keys: Keys
    arrivals: Arrivals
    exact: NDArray[np.int32]  # [look-up, as `keys.rows`]: the whole request as a key
    group: Int  # [call]: agent and task

    def __hash__(self) -> int:
        return hash(self._content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LookUps) and self._content == other._content

    @property
    def _content(self) -> tuple[bytes, ...]:
        arrays = (self.arrivals.rows, self.arrivals.at_us, self.arrivals.ready_us, self.exact)
        return (self.keys.content, *(_digest(a) for a in (*arrays, self.keys.node, self.group)))


def _digest(array: NDArray[np.integer]) -> bytes:
    import xxhash

    return xxhash.xxh3_128(np.ascontiguousarray(array).view(np.uint8).data).digest()


@dataclass(frozen=True, eq=False)
class Judged:
    """One replay with both answers of every hit compared."""

    hit: NDArray[np.int32]  # [hit]: arrival that is served
    source: NDArray[np.int32]  # [hit]: arrival whose answer it gets
    plain: Compared
    """By what the answers say, free text as it stands."""
    compared: Compared
    """The same with free text judged, where there is a judge."""

    @property
    def hits(self) -> int:
        return len(self.hit)

    @property
    def known(self) -> int:
        """Hits of which both answers are in the log."""
        return int(self.compared.known.sum())

    @property
    def false(self) -> int:
        """Hits with another answer; of free text that nobody judged all that is not identical."""
        return int(self.compared.false.sum())

    @property
    def false_rate(self) -> float | None:
        return self.false / self.known if self.known else None


@dataclass(frozen=True, eq=False)
class Replays:
    """The look-ups over their graph. `answers` of all calls that ask."""

    look_ups: LookUps
    graph: Graph
    answers: Answers
    judge: Judge | JudgedPairs | None = None
    _judged: OrderedDict[Rules, Judged] = field(default_factory=OrderedDict)
    _exact: dict[Rules, NDArray[np.bool_]] = field(default_factory=dict)
    _repeats: list[tuple[int, int]] = field(default_factory=list)

    def judged(self, rules: Rules, replays: int = 1) -> Judged:
        """Replayed and compared; once for each rule."""
        if rules not in self._judged:
            self._judged[rules] = self._replayed(rules, replays)
            while len(self._judged) > KEPT_REPLAYS:
                self._judged.popitem(last=False)
        self._judged.move_to_end(rules)
        return self._judged[rules]

    def _replayed(self, rules: Rules, replays: int) -> Judged:
        arrivals = self.look_ups.arrivals
        served = replay(arrivals, self.graph, rules, replays)
        hit = served.hits
        source = served.source[hit]
        plain, compared = self._compared(arrivals.rows[source], arrivals.rows[hit])
        return Judged(hit.astype(np.int32), source, plain, compared)

    def _compared(self, first: Int, second: Int) -> tuple[Compared, Compared]:
        """(as it stands, judged) of pairs of calls."""
        plain = self.answers.compare(first, second)
        return plain, plain if self.judge is None else self.judge.judged(plain, first, second)

    def hits(self, rules: Rules, replays: int = 1) -> Hits:
        """As the choice of a threshold takes them: hits that can be compared.

        Free text is taken from a judged sample alone: an embedder's opinion proves no bound.
        """
        judged = self.judged(rules, replays)
        keep, weight, told = judged.plain.known, None, judged.plain
        if isinstance(self.judge, JudgedPairs):
            told = judged.compared
            keep, weight = sampled(judged.plain, told)
        return Hits(
            judged.hit[keep].astype(np.int64),
            judged.source[keep].astype(np.int64),
            told.false[keep],
            None if weight is None else weight[keep],
        )

    def exactly(self, rules: Rules) -> NDArray[np.bool_]:  # [arrival]
        """Look-ups that an exact cache of the same rules would have answered; the same at any threshold."""
        alone = replace(rules, threshold_ppm=PPM)
        if alone not in self._exact:
            self._exact[alone] = self._served_exactly(alone)
            while len(self._exact) > KEPT_REPLAYS:
                self._exact.pop(next(iter(self._exact)))
        return self._exact[alone]

    def _served_exactly(self, alone: Rules) -> NDArray[np.bool_]:  # [arrival]
        order = np.argsort(self.look_ups.keys.rows)
        place = order[np.searchsorted(self.look_ups.keys.rows[order], self.look_ups.arrivals.rows)]
        exact = self.look_ups.exact[place]
        arrivals = self.look_ups.arrivals
        same = Arrivals(arrivals.rows, exact, arrivals.at_us, arrivals.ready_us)
        graph = Graph.of_equals(int(exact.max(initial=-1)) + 1)
        return np.asarray(replay(same, graph, alone).source >= 0)

    def self_disagreement(self) -> tuple[int, int]:
        """(repeats of a byte-equal request, those answered otherwise the second time)."""
        if not self._repeats:
            self._repeats.append(self._otherwise())
        return self._repeats[0]

    def _otherwise(self) -> tuple[int, int]:
        rows, exact = self.look_ups.keys.rows, self.look_ups.exact
        key = np.full(len(self.answers.response), -1, np.int64)
        key[rows] = exact
        first, again = self_disagreement(self.answers, key, self.look_ups.arrivals.rows)
        _, compared = self._compared(first, again)
        return int(compared.known.sum()), int(compared.false.sum())

    def nearest_ppm(self) -> Int:  # [arrival]
        """Similarity to the nearest key that came before, whatever became of it; 0: none in the graph."""
        key, n = self.look_ups.arrivals.key, self.graph.n
        first = np.full(n, len(key), np.int64)
        np.minimum.at(first, key, np.arange(len(key)))
        source = np.repeat(np.arange(n), np.diff(self.graph.offsets))
        earlier = first[self.graph.neighbour] < first[source]
        best = np.zeros(n, np.int64)
        np.maximum.at(best, source[earlier], self.graph.similarity_ppm[earlier])
        return np.where(np.arange(len(key)) > first[key], PPM, best[key])
