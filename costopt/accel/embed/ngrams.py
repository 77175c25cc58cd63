"""Words, pairs of words and runs of letters of many texts at once, as hashed features.

All texts are one buffer of code points; hashes of stretches are differences of running polynomials,
so no n-gram is ever a Python object.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.scramble import scrambled

Int = NDArray[np.int64]
U8 = NDArray[np.uint64]

FEATURE_BITS = 20
"""Features are told apart by so many bits: at a hundred thousand different ones 1 in 10 shares its weight."""
RUNS = (3, 4, 5)
"""Lengths of runs of characters inside a word, its two borders included."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
_WORD, _PAIR, _RUN = (np.uint64(0xA24BAED4963EE407 * k % 2**64) for k in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class Grams:
    """Each feature of each text once, with how often it occurs; rows sorted by text and feature."""

    text: Int  # [row]
    feature: Int  # [row], below 2 ** FEATURE_BITS
    count: Int  # [row]


def ngrams(texts: Sequence[str]) -> Grams:
    """The features of these texts. A text without a letter or digit has none."""
    points, owner = _points(texts)
    word = _is_word(points)
    begins, ends = _words(word)
    hashes = _stretches(points, begins, ends)
    of_word = owner[begins] if len(begins) else np.zeros(0, np.int64)
    pairs = np.flatnonzero(of_word[1:] == of_word[:-1])
    run_owner, runs = _runs(points, word)
    text = np.concatenate((of_word, of_word[pairs], owner[run_owner]))
    feature = np.concatenate(
        (
            scrambled(hashes ^ _WORD),
            scrambled(scrambled(hashes[pairs] ^ _PAIR) + hashes[pairs + 1]),
            runs,
        )
    )
    folded = (feature >> np.uint64(64 - FEATURE_BITS)).astype(np.int64)
    both, count = np.unique((text << FEATURE_BITS) | folded, return_counts=True)
    return Grams(both >> FEATURE_BITS, both & ((1 << FEATURE_BITS) - 1), count)


def _points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Int]:
    """Code points of all texts, each between two blanks, and the text that each belongs to."""
    folded = [" " + unicodedata.normalize("NFKC", text).casefold() + " " for text in texts]
    raw = "".join(folded).encode("utf-32-le", "surrogatepass")
    owner = np.repeat(np.arange(len(folded)), [len(text) for text in folded])
    return np.frombuffer(raw, np.uint32), owner.astype(np.int64)


def _is_word(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Letters and digits; beyond ASCII everything counts as a letter but the general punctuation."""
    table = np.array([chr(i).isalnum() for i in range(128)], np.bool_)
    ascii_word = table[np.minimum(points, 127)]
    mark = ((points >= 0x2000) & (points < 0x2070)) | ((points >= 0x3000) & (points < 0x3004))
    return np.where(points < 128, ascii_word, ~(mark | (points == 0xA0)))


def _words(word: NDArray[np.bool_]) -> tuple[Int, Int]:
    """Where words begin and end. Texts stand between blanks, so none crosses a border."""
    change = np.diff(word.astype(np.int8))
    return np.flatnonzero(change == 1) + 1, np.flatnonzero(change == -1) + 1


def _stretches(points: NDArray[np.uint32], begins: Int, ends: Int) -> U8:
    """A hash of each stretch, whatever stands around it."""
    mixed = scrambled(points.astype(np.uint64))
    power = np.cumprod(np.full(len(points), _BASE, np.uint64), dtype=np.uint64)
    running = np.zeros(len(points) + 1, np.uint64)
    np.cumsum(mixed * power, dtype=np.uint64, out=running[1:])
    # The sum over the stretch times the inverse of its first power: the same letters, the same hash.
    inverse = np.cumprod(
        np.full(len(points), pow(int(_BASE), -1, 2**64), np.uint64), dtype=np.uint64
    )
    return scrambled((running[ends] - running[begins]) * inverse[begins])


def _runs(points: NDArray[np.uint32], word: NDArray[np.bool_]) -> tuple[Int, U8]:
    """(first character, hash) of runs within a word and the marks before and behind it."""
    mixed = scrambled(np.where(word, points, 0).astype(np.uint64))
    # A run may hold a border only as its first or last character.
    places, hashes = [], []
    for length in RUNS:
        n = len(points) - length + 1
        if n <= 0:
            continue
        inside = np.ones(n, np.bool_)
        for k in range(1, length - 1):
            inside &= word[k : k + n]
        value = np.full(n, _RUN, np.uint64)
        for k in range(length):
            value = value * _BASE + mixed[k : k + n]
        chosen = np.flatnonzero(inside)
        places.append(chosen)
        hashes.append(scrambled(value[chosen]))
    if not places:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return np.concatenate(places), np.concatenate(hashes)
