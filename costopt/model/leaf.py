"""The disjoint leaves of usage: every token of a call stands in exactly one of them."""

from __future__ import annotations

from enum import IntEnum


class Leaf(IntEnum):
    """Column order of every `leaves` array. All input = the sum of INPUT, all output = of OUTPUT."""

    INPUT_FRESH = 0
    CACHE_READ = 1
    CACHE_WRITE_5M = 2
    CACHE_WRITE_1H = 3
    CACHE_WRITE_30M = 4
    CACHE_WRITE_12H = 5
    CACHE_WRITE_OTHER = 6
    INPUT_AUDIO = 7
    INPUT_IMAGE = 8
    CACHE_READ_AUDIO = 9
    OUTPUT_TEXT = 10
    OUTPUT_REASONING = 11
    OUTPUT_AUDIO = 12
    OUTPUT_IMAGE = 13


N_LEAVES = len(Leaf)
INPUT = slice(0, 10)
OUTPUT = slice(10, 14)
CACHE_READS = (Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO)
CACHE_WRITES = slice(2, 7)
LEAF_NAMES = tuple(leaf.name.lower() for leaf in Leaf)
