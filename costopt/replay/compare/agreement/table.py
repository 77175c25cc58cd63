"""Pairs under every test, each beside the noise floor of answers of the same kind.

Free text disagrees with itself far more often than a tool call does. So the floor that a layer is held to
is weighed to the layer's own mix of kinds, and where many of its pairs are of a kind that the floor lacks,
it is no floor for them. A sample holds small strata oftener than the log does: rates weigh each pair by
the calls that it stands for (`Item.weight`), counts are of the answers as they came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from costopt.model.replayed import Agreement
from costopt.replay.compare.agreement.answers import kind_of
from costopt.replay.compare.agreement.base import AnswerTest, Pair
from costopt.replay.compare.clusters import Share, excess

MIN_OWN_NOISE = 20
"""Unchanged requests of a layer's own calls from which on they are its floor; below, all of them are."""


MOST_UNMATCHED = 0.2
"""Share of a layer's pairs without a floor of their kind above which the floor says nothing of it."""


@dataclass(frozen=True)
class Floor:
    """What the endpoint disagrees about with itself."""

    pairs: list[Pair]
    weight: list[float]
    own: bool = True
    """Of the layer's own calls."""
    unmatched: float = 0.0
    """Share of the layer's pairs of whose kind no unchanged request was sent."""

    @property
    def is_fair(self) -> bool:
        """Its answers are of the kinds of the layer's."""
        return self.unmatched <= MOST_UNMATCHED

    def or_none(self) -> Floor:
        """Itself where it is fair, else one of no answer: evidence holds no layer to another's floor."""
        return self if self.is_fair else Floor([], [], self.own, self.unmatched)


@dataclass(frozen=True)
class Tested:
    """A test's outcome, with the shares behind it."""

    agreement: Agreement
    differ: Share
    noise: Share | None
    """None: no unchanged request was compared under this test."""


def floor_for(layer: str, pairs: Sequence[Pair], noise: Sequence[Pair]) -> Floor:
    """The unchanged requests of the same calls where there are enough, else all; weighed by kind."""
    rows = {pair.item.row for pair in pairs}
    own = [n for n in noise if n.item.row in rows or n.item.stratum == layer]
    chosen = own if len(own) >= MIN_OWN_NOISE else list(noise)
    wanted, there = _by_kind(pairs), _by_kind(chosen)
    unmatched = sum(w for kind, w in wanted.items() if kind not in there)
    kept = [(n, w) for n, w in zip(chosen, weights_of(chosen), strict=True) if kind_of(n) in wanted]
    weight = [w * wanted[kind_of(n)] / there[kind_of(n)] for n, w in kept]
    share = unmatched / sum(wanted.values()) if pairs else 0.0
    is_own = chosen is own or len(own) == len(chosen)
    return Floor([n for n, _ in kept], weight, is_own, share)


def weights_of(pairs: Sequence[Pair]) -> list[float]:
    """[pair] calls of the log that it stands for, over the mean of those drawn for the same layer. Each
    layer's draws stand for calls of its own: ten lines of a batch are not a hundred times another's."""
    drawn: dict[str, list[float]] = defaultdict(list)
    for pair in pairs:
        drawn[pair.item.stratum].append(pair.item.weight)
    mean = {stratum: sum(weights) / len(weights) for stratum, weights in drawn.items()}
    return [pair.item.weight / mean[pair.item.stratum] for pair in pairs]


def _by_kind(pairs: Sequence[Pair]) -> dict[str, float]:
    """Kind to the weights of its pairs."""
    found: dict[str, float] = defaultdict(float)
    for pair, weight in zip(pairs, weights_of(pairs), strict=True):
        found[kind_of(pair)] += weight
    return found


def table(tests: Sequence[AnswerTest], pairs: Sequence[Pair], floor: Floor) -> list[Tested]:
    """One line a test that fits any of the pairs, in the order of the tests."""
    found = (outcome_of(test, pairs, floor) for test in tests)
    return [line for line in found if line.agreement.answers]


def noise_table(tests: Sequence[AnswerTest], noise: Sequence[Pair]) -> list[Agreement]:
    """The floor alone."""
    out = []
    for test in tests:
        differ = _share(test, noise, weights_of(noise))
        if differ.trials:
            agree = differ.trials - differ.hits
            out.append(Agreement(
                test.name, differ.trials, agree, 1 - differ.rate, _turned(differ), differ.trials,
                agree, 1 - differ.rate, None, None, differ.clusters,
            ))  # fmt: skip
    return out


def outcome_of(test: AnswerTest, pairs: Sequence[Pair], floor: Floor) -> Tested:
    """One test over the pairs and their floor."""
    differ = _share(test, pairs, weights_of(pairs))
    noise = _share(test, floor.pairs, floor.weight)
    known = bool(noise.trials) and bool(differ.trials)
    over = excess(differ, noise) if known else None
    agreement = Agreement(
        test=test.name, answers=differ.trials, agree=differ.trials - differ.hits,
        rate=1 - differ.rate if differ.trials else None,
        ci95=_turned(differ) if differ.trials else None,
        noise_answers=noise.trials, noise_agree=noise.trials - noise.hits,
        noise_rate=1 - noise.rate if noise.trials else None,
        excess_pp=100 * (differ.rate - noise.rate) if known else None,
        excess_ci95_pp=[100 * over[0], 100 * over[1]] if over else None, sessions=differ.clusters,
    )  # fmt: skip
    return Tested(agreement, differ, noise if noise.trials else None)


def _share(test: AnswerTest, pairs: Sequence[Pair], weight: Sequence[float]) -> Share:
    """Of pairs that differ, among those that the test fits."""
    same = test.same(pairs)
    at = [i for i, told in enumerate(same) if told is not None]
    return Share.of(
        [not same[i] for i in at], [pairs[i].item.cluster for i in at],
        [weight[i] for i in at],
    )  # fmt: skip


def _turned(differ: Share) -> list[float]:
    """Interval of the share that agrees."""
    low, high = differ.interval()
    return [1 - high, 1 - low]
