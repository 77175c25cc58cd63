"""Selective Context: a causal model reads the text; the words that carry least information go.

https://arxiv.org/abs/2310.06201 (checked 2026-11-25). Written over transformers: the published package
downloads parts at run time. Units are words: the phrases of the paper need a parser for each language.
A word's information is the mean over its tokens, or long words would stay for their length alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.accel.compress.loading import Place, loading, transformers_of
from costopt.accel.weights import weights_hash
from costopt.errors import InputError

VERSION = 1
_LONGEST = 1_024
"""Tokens read at once, half of them again as context of the next: more would take memory, not sense."""
_UNIT = re.compile(r"\S+\s*")

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SelectiveContext:
    """Over a loaded causal model and its tokenizer."""

    model: Any
    tokenizer: Any
    name: str
    version: str
    method: str = "selective_context"

    def compress(self, text: str, rate: float) -> str:
        """The words of most information, in their order, until `rate` of the tokens is used up."""
        units = [(m.start(), m.end()) for m in _UNIT.finditer(text)]
        ids, last = self._tokens(text)
        if not units or not len(ids):
            return text
        unit = np.searchsorted([begin for begin, _ in units], last, side="right") - 1
        unit = np.maximum(unit, 0)
        size = np.bincount(unit, minlength=len(units))
        info = np.bincount(unit, self._information(ids), len(units)) / np.maximum(size, 1)
        stays = kept_units(info, size, rate)
        return "".join(text[a:b] for (a, b), yes in zip(units, stays, strict=True) if yes)

    def _tokens(self, text: str) -> tuple[Int, Int]:
        """([token] id, [token] its last character)."""
        read = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ends = np.array([end for _, end in read["offset_mapping"]], np.int64)
        return np.array(read["input_ids"], np.int64), np.maximum(ends - 1, 0)

    def _information(self, ids: Int) -> Float:  # [token]
        """-log p of each token behind those before it, in nats."""
        import torch

        begin = self.tokenizer.bos_token_id
        whole = ids if begin is None else np.concatenate(([begin], ids))
        out = np.full(len(whole), np.nan)
        longest = min(
            _LONGEST, int(getattr(self.model.config, "max_position_embeddings", _LONGEST))
        )
        step = max(1, longest // 2)
        for first in range(0, len(whole), step):
            part = torch.tensor(whole[first : first + longest][None], device=self.model.device)
            with torch.no_grad():
                logits = self.model(part, use_cache=False).logits[0, :-1].float()
            told = torch.nn.functional.cross_entropy(logits, part[0, 1:], reduction="none")
            new = out[first + 1 : first + 1 + len(told)]
            new[np.isnan(new)] = told.cpu().numpy()[np.isnan(new)]
            if first + longest >= len(whole):
                break
        # The first word of a text without a begin mark has nothing before it: it stays.
        out[np.isnan(out)] = np.inf
        return out if begin is None else out[1:]


def kept_units(information: Float, size: Int, rate: float) -> NDArray[np.bool_]:  # [unit]
    """Units by falling information, earlier ones first, while their tokens fit; at least one.

    `size`: [unit] tokens.
    """
    order = np.argsort(-information, kind="stable")
    used = np.cumsum(size[order])
    stays = np.zeros(len(size), np.bool_)
    stays[order[: max(1, int(np.searchsorted(used, rate * size.sum(), side="right")))]] = True
    return stays


def load(place: Place) -> SelectiveContext:
    """MissingExtra, InputError."""
    transformers = transformers_of("transformers")
    with loading(place):
        tokenizer = transformers.AutoTokenizer.from_pretrained(place.path, **place.options)
        model = transformers.AutoModelForCausalLM.from_pretrained(place.path, **place.options)
    if not tokenizer.is_fast:
        raise InputError(
            "Its tokenizer does not tell which characters a token stands for.", where=place.model,
            hint="Take a model with a tokenizer.json.",
        )  # fmt: skip
    model = model.to(place.device).eval()
    known = f"selective-context-{VERSION}-{weights_hash(model)}"
    return SelectiveContext(model, tokenizer, f"Selective Context with {place.shown}", known)
