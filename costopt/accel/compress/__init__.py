"""Prompt compressors, really run: a text in, a shorter one out. One file each, named as in the policy.

`llmlingua2`: a token classifier decides which words stay. `llmlingua`: a causal model's surprise decides,
stretch by stretch. `selective_context`: the least surprising words go. A compressor only ever sees prose;
what is code, JSON or an address is put back as it was.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Literal, Protocol

from costopt.accel.compress.loading import Place, kind_of
from costopt.layers.parts.compressible import prose

Method = Literal["llmlingua2", "llmlingua", "selective_context"]
_CLASSIFIER, _CAUSAL = "llmlingua2", "llmlingua"


class Compressor(Protocol):
    """Deterministic: what becomes of a text depends on nothing but the text and the rate."""

    @property
    def method(self) -> str: ...

    @property
    def name(self) -> str:
        """As shown in the evidence."""
        ...

    @property
    def version(self) -> str:
        """What its texts are kept under: other weights or rules are another name."""
        ...

    def compress(self, text: str, rate: float) -> str:
        """About `rate` of the text's tokens, by the compressor's own count."""
        ...


@dataclass(frozen=True, slots=True)
class Shortened:
    """A text with its prose compressed."""

    text: str
    refused: int
    """Stretches that the compressor failed on: they stand as they were."""


def compressor_of(method: str, model: str, *, offline: bool, device: str = "cpu") -> Compressor:
    """The one that a policy names; `auto`: the one that the model is made for.

    MissingExtra: a package is not installed. InputError: no such model.
    """
    place = Place(model, offline, device)
    if method == "auto":
        method = _CLASSIFIER if kind_of(place) == "classifier" else _CAUSAL
    made: Compressor = importlib.import_module(f"{__name__}.{method}").load(place)
    return made


def shortened(compressor: Compressor, text: str, rate: float, *, keep_numbers: bool) -> Shortened:
    """Each stretch of prose on its own; blanks around it stay, so that nothing runs together."""
    parts, at, refused = [], 0, 0
    for begin, end in prose(text, keep_numbers=keep_numbers):
        bare = text[begin:end].strip()
        start = text.index(bare, begin)
        parts.append(text[at:start])
        made = _tried(compressor, bare, rate)
        refused += made is None
        parts.append(bare if made is None else made)
        at = start + len(bare)
    return Shortened("".join([*parts, text[at:]]), refused)


def _tried(compressor: Compressor, text: str, rate: float) -> str | None:
    """None: it failed on this text, or made nothing of it."""
    try:
        made = compressor.compress(text, rate).strip()
    except (IndexError, ValueError, AssertionError):
        # LLMLingua's own slips on odd texts (only special tokens, a word cut in two): one text of a
        # log must not stop the run, and it is counted.
        return None
    return made or None
