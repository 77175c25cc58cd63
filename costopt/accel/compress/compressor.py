"""LLMLingua's own compressor, made to start without a download, on today's transformers."""

from __future__ import annotations

import os
from typing import Any

from costopt.accel.compress.loading import EXTRA, Place, loading
from costopt.errors import MissingExtra

_CACHE_BOS, _PREFIX_BOS = 10, 100
"""As `PromptCompressor.__init__` of llmlingua 0.2.2 sets them."""


def prompt_compressor(place: Place, encoder: Any, *, classifier: bool) -> Any:
    """A `PromptCompressor` over the model. `encoder`: what counts OpenAI tokens for it.

    Its own start asks tiktoken for an encoding, which downloads it, and trusts code that comes with a
    model. This one is handed the encoder and trusts none; every other line of it runs as it is.
    """
    base = _base()

    class OurStart(base):  # type: ignore[misc,valid-type]
        def __init__(self) -> None:
            self.use_llmlingua2 = classifier
            self.retrieval_model = self.retrieval_model_name = None
            self.open_api_config: dict[str, Any] = {}
            self.cache_bos_num, self.prefix_bos_num = _CACHE_BOS, _PREFIX_BOS
            self.oai_tokenizer = encoder
            self.model_name = place.path
            self.load_model(place.path, place.device, dict(place.options))
            self.model.eval()
            if classifier:
                seed = os.environ.get("PYTHONHASHSEED")
                self.init_llmlingua2()
                _put_back("PYTHONHASHSEED", seed)

    with loading(place):
        return OurStart()


def _base() -> Any:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from llmlingua.prompt_compressor import PromptCompressor
    except ImportError as error:
        raise MissingExtra("llmlingua", EXTRA) from error
    return PromptCompressor


def _put_back(name: str, value: str | None) -> None:
    """LLMLingua sets it, and every process started later would inherit it."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


class Uncounted:
    """Stands for the OpenAI encoder where its counts decide nothing: they only fill a report that is
    not read here."""

    def encode(self, text: str) -> list[int]:
        return []
