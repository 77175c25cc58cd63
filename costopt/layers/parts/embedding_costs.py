"""What a semantic cache costs beside the calls: embedded tokens and operations of a vector store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts
from costopt.layers.parts.keys import Keys
from costopt.model.effect import Charge, Fee
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.view import View
from costopt.money import PICO_PER_USD

Int = NDArray[np.int64]

HOSTED = "text-embedding-3-small"
LONGEST_KEY_TOKENS = 8_192
"""What OpenAI's embedding models read of a text:
https://platform.openai.com/docs/api-reference/embeddings/create, checked 2026-11-24."""
_TOKENS_PER_PRICE = 1_000_000


@dataclass(frozen=True)
class Costs:
    """Prices of one cache."""

    model: str
    provider: str
    usd_per_mtok: float | None
    """On the user's own machine; None: the model's list price."""
    usd_per_operation: float
    embeddings_of_a_miss: int
    stands_in: bool
    """The model charged is not the one that embeds."""

    @classmethod
    def of_settings(
        cls, embedder: str, model: str, provider: str, usd_per_mtok: float | None,
        usd_per_operation: float, embeddings_of_a_miss: int,
    ) -> Costs:  # fmt: skip
        """From the layer's settings; an endpoint's own model where none is named."""
        own = (
            embedder.removeprefix("openai:").partition("@")[0]
            if embedder.startswith("openai:")
            else ""
        )
        charged = model or own or HOSTED
        return cls(
            charged, provider, usd_per_mtok, usd_per_operation, embeddings_of_a_miss, charged != own
        )

    def of(
        self, view: View, artifacts: Artifacts, keys: Keys, missed: Int
    ) -> tuple[tuple[Charge, ...], tuple[Fee, ...]]:
        """Each look-up embeds its key and queries once; each miss writes once. `missed`: calls."""
        tokens = self._key_tokens(view, artifacts, keys)[keys.node]
        rows, again = keys.rows, np.isin(keys.rows, missed)
        for _ in range(1, self.embeddings_of_a_miss):
            rows, tokens = (np.concatenate((a, a[: len(again)][again])) for a in (rows, tokens))
        operations = np.concatenate((keys.rows, missed))
        fees = self._fee(
            "vector store", operations, self._pusd(operations), "store_usd_per_operation"
        )
        if self.usd_per_mtok is None:
            return (self._charge(rows, tokens),), fees
        pusd = np.rint(tokens * (self.usd_per_mtok / _TOKENS_PER_PRICE * PICO_PER_USD))
        local = self._fee("embeddings", rows, pusd.astype(np.int64), "embedding_usd_per_mtok")
        return (), (*local, *fees)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Sentences on prices that stand for others."""
        if self.usd_per_mtok is not None:
            return (f"A million embedded tokens cost ${self.usd_per_mtok:g}, as the policy says.",)
        if not self.stands_in:
            return ()
        return (
            f"Embeddings are charged at the list price of {self.model}; with a model of your own set "
            "embedding_usd_per_mtok.",
        )

    def _key_tokens(self, view: View, artifacts: Artifacts, keys: Keys) -> Int:  # [key]
        counts = artifacts.tokens(view).count(keys.ids, self.model)
        running = np.concatenate(([0], np.cumsum(counts)))
        total = running[keys.offsets[1:]] - running[keys.offsets[:-1]]
        return np.clip(total, 1, LONGEST_KEY_TOKENS).astype(np.int64)

    def _charge(self, rows: Int, tokens: Int) -> Charge:
        leaves = np.zeros((len(rows), N_LEAVES), np.int64)
        leaves[:, Leaf.INPUT_FRESH] = tokens
        return Charge("embeddings", self.provider, self.model, rows, leaves)

    def _pusd(self, rows: Int) -> Int:
        return np.full(len(rows), round(self.usd_per_operation * PICO_PER_USD), np.int64)

    def _fee(self, what: str, rows: Int, pusd: Int, setting: str) -> tuple[Fee, ...]:
        return (Fee(what, rows, pusd, f"{setting} of the policy"),) if pusd.any() else ()
