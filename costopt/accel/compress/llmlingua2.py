"""LLMLingua-2: a token classifier says of each word whether it stays.

https://arxiv.org/abs/2403.12968 (checked 2026-11-25). The words' weights in its cut are their tokens in
OpenAI's cl100k, so that encoding has to be at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from costopt.accel.compress.compressor import prompt_compressor
from costopt.accel.compress.loading import Place
from costopt.accel.encodings import CL100K
from costopt.accel.ranks import find_encoder
from costopt.accel.weights import weights_hash
from costopt.errors import InputError, UsageError

FORCED = ("\n", "?")
"""Always kept, as in the usage that its authors recommend:
https://github.com/microsoft/LLMLingua/blob/main/README.md, checked 2026-11-25."""
_FAMILIES = {"xlm-roberta": "xlm-roberta-large", "bert": "bert-base-multilingual-cased"}
"""Model type to the words that LLMLingua looks for in a path to tell how tokens are joined to words."""
_LONGEST = 512
_STEP, _ROOM = 64, 18
"""Tokens that a text is padded to a multiple of, and that it may grow by when it is cut in pieces."""


@dataclass(frozen=True, eq=False)
class Llmlingua2:
    """Over a loaded classifier."""

    made_of: Any
    name: str
    version: str
    method: str = "llmlingua2"

    def compress(self, text: str, rate: float) -> str:
        """Texts are padded to what they need, not to 512 tokens: the same words stay, in less time."""
        tokens = len(self.made_of.tokenizer.tokenize(text)) + text.count("\n") + _ROOM
        self.made_of.max_seq_len = min(_LONGEST, -(-tokens // _STEP) * _STEP)
        made = self.made_of.compress_prompt_llmlingua2([text], rate=rate, force_tokens=list(FORCED))
        return str(made["compressed_prompt"])


def load(place: Place) -> Llmlingua2:
    """MissingExtra, InputError; UsageError: no ranks of cl100k here."""
    made = prompt_compressor(place, _encoder(), classifier=True)
    family = _FAMILIES.get(made.model.config.model_type)
    if family is None:
        raise InputError(
            f"LLMLingua-2 knows {' and '.join(_FAMILIES)} models; this is {made.model.config.model_type}.",
            where=place.model, hint="Take one of those, or method: selective_context with a causal model.",
        )  # fmt: skip
    made.model_name = family
    known = f"llmlingua2-{version('llmlingua')}-{weights_hash(made.model)}"
    return Llmlingua2(made, f"LLMLingua-2 with {place.shown}", known)


def _encoder() -> Any:
    found = find_encoder(CL100K, None, False)
    if found is None:
        raise UsageError(
            "LLMLingua-2 weighs words by OpenAI's cl100k tokens, whose ranks are not on this machine.",
            where="compress", hint='pip install "costopt[ranks]"  (or set TIKTOKEN_CACHE_DIR)',
        )  # fmt: skip
    return found
