"""LLMLingua: a small causal model reads the text in stretches; what does not surprise it goes.

https://arxiv.org/abs/2310.05736 (checked 2026-11-25).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

from costopt.accel.compress.compressor import Uncounted, prompt_compressor
from costopt.accel.compress.loading import Place
from costopt.accel.weights import weights_hash

Pairs = Sequence[tuple[Any, Any]]  # (key, value) of each layer


@dataclass(frozen=True, eq=False)
class Llmlingua:
    """Over a loaded causal model."""

    made_of: Any
    name: str
    version: str
    method: str = "llmlingua"

    def compress(self, text: str, rate: float) -> str:
        return str(self.made_of.compress_prompt([text], rate=rate)["compressed_prompt"])


def load(place: Place) -> Llmlingua:
    """MissingExtra, InputError."""
    made = prompt_compressor(place, Uncounted(), classifier=False)
    known = f"llmlingua-{version('llmlingua')}-{weights_hash(made.model)}"
    made.model = _WithPairs(made.model)
    return Llmlingua(made, f"LLMLingua with {place.shown}", known)


class _WithPairs:
    """The model with its cache as pairs of keys and values, which LLMLingua cuts and hands back.

    transformers 5 fills a `DynamicCache` that no longer unpacks into pairs, and calls it by two names.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        taken = inspect.signature(model.forward).parameters
        self._name = "cache" if "cache" in taken else "past_key_values"

    def __call__(self, ids: Any, *, past_key_values: Pairs | None = None, **more: Any) -> Any:
        from transformers import DynamicCache

        cache = DynamicCache(
            None if past_key_values is None else tuple(map(tuple, past_key_values))
        )
        out = self._model(ids, **{self._name: cache}, **more)
        pairs = [(layer.keys, layer.values) for layer in cache.layers]
        return SimpleNamespace(logits=out.logits, past_key_values=pairs)
