"""Are two logged answers the same? Both answers of every would-be hit of a cache are in the log.

Each pair is held to the strictest test that fits both answers. Where that is free text, `not
identical` is an upper bound of `different`: a judge may tell them apart (`judge.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.answer_forms import Basis, Form, form_of
from costopt.model.call import SegmentKind
from costopt.model.ports import Texts
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

MIN_LABEL_ANSWERS = 20
MAX_NEW_LABEL_SHARE = 0.05
"""The share of answers that stand alone estimates the chance that the next answer is a new one (Good
1953, https://doi.org/10.1093/biomet/40.3-4.237, checked 2026-11-24). Above it the set of answers is
open: names, titles and short sentences are no labels."""


class Verdict(IntEnum):
    """What the test says of a pair."""

    SAME = 0
    DIFFERENT = 1
    NOT_IDENTICAL = 2
    """Free text that is not equal: it may mean the same."""
    UNKNOWN = 3
    """The log lacks one of the answers."""


@dataclass(frozen=True)
class Compared:
    """One row a pair."""

    verdict: NDArray[np.int8]  # [pair], Verdict
    basis: NDArray[np.int8]  # [pair], Basis

    @property
    def false(self) -> Bool:
        """Different, or free text that is not identical: the upper bound."""
        return (self.verdict == Verdict.DIFFERENT) | (self.verdict == Verdict.NOT_IDENTICAL)

    @property
    def known(self) -> Bool:
        return self.verdict != Verdict.UNKNOWN

    def tally(self) -> dict[str, int]:
        """Pairs by test, for `false_basis`: these add up over parts of a trace."""
        count = np.bincount(self.basis, minlength=len(Basis))
        return {f"compared_by_{b.name.lower()}": int(count[b]) for b in Basis}


@dataclass(frozen=True)
class Answers:
    """The answer of every call as codes. Calls that were not asked about have the basis UNKNOWN."""

    response: Int  # [call]: equal where the answers' segments are; -1: none in the log
    basis: NDArray[np.int8]  # [call], Basis
    key: Int  # [call]: equal where the answers are, under the basis of both

    def compare(self, first: Int, second: Int) -> Compared:
        """Pairs of calls. Answers of the same segments are the same without a look at their text."""
        one, other = self.basis[first], self.basis[second]
        there = (self.response[first] >= 0) & (self.response[second] >= 0)
        basis = np.where(one == other, one, _mixed(one, other))
        same = (self.response[first] == self.response[second]) | (
            (one == other) & (self.key[first] == self.key[second])
        )
        loose = (basis == Basis.TEXT) | (basis == Basis.BYTES)
        verdict = np.where(
            same, Verdict.SAME, np.where(loose, Verdict.NOT_IDENTICAL, Verdict.DIFFERENT)
        )
        verdict = np.where(there, verdict, Verdict.UNKNOWN)
        return Compared(
            verdict.astype(np.int8), np.where(there, basis, Basis.UNKNOWN).astype(np.int8)
        )


def answers_of(view: View, texts: Texts, rows: Int, group: NDArray[np.integer]) -> Answers:
    """Answers of these calls. `group`: [call] code of agent and task, whose answers may be labels."""
    block = _without_reasoning(view)
    response = np.full(view.trace.n, -1, np.int64)
    there = rows[block.lengths[rows] > 0]
    response[there], examples = _distinct(block, there)
    forms = _forms(view, texts, block, examples)
    codes: dict[str, int] = {}
    basis = np.array([Basis.BYTES if f is None else f.basis for f in forms], np.int8)
    key = np.array(
        [_code(codes, f"h{i}" if f is None else f"{f.basis}{f.key}") for i, f in enumerate(forms)],
        np.int64,
    )
    label = np.array(
        [_code(codes, f"l{f.label}") if f and f.label else -1 for f in forms], np.int64
    )
    return _told(response, there, group, basis, key, label)


def self_disagreement(answers: Answers, key: NDArray[np.integer], rows: Int) -> tuple[Int, Int]:
    """(first calls, later calls) of every byte-equal prompt asked again: pairs for `compare`.

    `key`: [call] equal where the prompts are, byte by byte; `rows` in order of arrival. What differs
    among these is the log's own floor: no cache could do better.
    """
    rows = rows[answers.response[rows] >= 0]
    _, first, inverse = np.unique(key[rows], return_index=True, return_inverse=True)
    earliest = rows[first[inverse]]
    again = earliest != rows
    return earliest[again], rows[again]


def basis_words(tally: Mapping[str, int]) -> str:
    """`json` where all pairs were held to one test, else `json 40, not_identical 12`."""
    names = {Basis.TEXT: "not_identical", Basis.BYTES: "not_identical (hashes)"}
    counts = {
        names.get(b, b.name.lower()): tally.get(f"compared_by_{b.name.lower()}", 0) for b in Basis
    }
    used = {name: n for name, n in counts.items() if n}
    if len(used) == 1:
        return next(iter(used))
    return ", ".join(f"{name} {n}" for name, n in used.items())


def _mixed(one: NDArray[np.int8], other: NDArray[np.int8]) -> NDArray[np.int8]:
    """The test for two answers of two forms. A tool call, JSON, a number or a label is never equal to
    one of another of these forms; a number or a label may be what a sentence says."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    sentence = (high == Basis.TEXT) & (low >= Basis.NUMBER)
    return np.where(sentence | (high == Basis.BYTES), high, low)


def _without_reasoning(view: View) -> Ragged:
    """Answers as the caller sees them: thinking is not handed on."""
    block = view.response
    keep = view.segments.kind[block.ids] != SegmentKind.REASONING
    if keep.all():
        return block
    before = np.concatenate(([0], np.cumsum(keep, dtype=np.int64)))
    return Ragged(before[block.offsets], block.ids[keep], block.flags[keep])


def _distinct(block: Ragged, rows: Int) -> tuple[Int, Int]:
    """(code of each row's list of segments, one row of each code)."""
    lengths = block.lengths[rows]
    code, example = np.zeros(len(rows), np.int64), []
    n = 0
    for size in np.unique(lengths).tolist():
        of_size = np.flatnonzero(lengths == size)
        table = block.ids[block.uses_of(rows[of_size])].reshape(-1, size)
        _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
        code[of_size] = n + inverse.reshape(-1)
        example.append(rows[of_size[first]])
        n += len(first)
    return code, np.concatenate(example) if example else np.zeros(0, np.int64)


def _forms(view: View, texts: Texts, block: Ragged, examples: Int) -> list[Form | None]:
    """Form of each distinct answer; each distinct segment's text is fetched once."""
    wanted = np.unique(block.ids[block.uses_of(examples)])
    found: dict[int, str | None] = dict(zip(wanted.tolist(), texts.get(wanted), strict=True))
    table = view.segments
    out: list[Form | None] = []
    for row in examples.tolist():
        ids = block.row(row)
        names = [table.name.values[c] for c in table.name.codes[ids].tolist()]
        out.append(form_of(table.kind[ids].tolist(), names, [found[i] for i in ids.tolist()]))
    return out


def _code(codes: dict[str, int], key: str) -> int:
    return codes.setdefault(key, len(codes))


def _told(
    response: Int, there: Int, group: NDArray[np.integer],
    basis: NDArray[np.int8], key: Int, label: Int,
) -> Answers:  # fmt: skip
    """From distinct answers to calls; short texts become labels where their group has a closed set."""
    row_basis = np.full(len(response), Basis.UNKNOWN, np.int8)
    row_key = np.full(len(response), -1, np.int64)
    if len(there):
        code = response[there]
        row_basis[there], row_key[there] = basis[code], key[code]
        is_text = there[basis[code] == Basis.TEXT]
        named = label[response[is_text]]
        closed = is_text[(named >= 0) & _closed(group[is_text], named)]
        row_basis[closed], row_key[closed] = Basis.LABEL, label[response[closed]]
    return Answers(response, row_basis, row_key)


def _closed(group: NDArray[np.integer], label: Int) -> Bool:
    """[text answer] Its group answers with a few short texts again and again. `label` -1: too long."""
    _, code = np.unique(group, return_inverse=True)
    answers = np.bincount(code)
    pairs, place, times = np.unique(
        np.stack((code, label)), axis=1, return_inverse=True, return_counts=True
    )
    alone = np.bincount(code[times[place.reshape(-1)] == 1], minlength=len(answers))
    long = np.bincount(code[label < 0], minlength=len(answers))
    distinct = np.bincount(pairs[0], minlength=len(answers))
    limit = MAX_NEW_LABEL_SHARE * answers
    good = (answers >= MIN_LABEL_ANSWERS) & (alone <= limit) & (long <= limit) & (distinct > 1)
    return np.asarray(good[code])
