"""Embedders: a text in, a unit vector out. One file each, found by what the policy says.

`auto` and `builtin`: n-grams, no download. `sentence-transformers:NAME_OR_FOLDER`: a neural model on
this machine. `openai:MODEL@BASE_URL`: any endpoint that speaks the OpenAI embeddings API.
`column:FILE.parquet/COLUMN`: vectors that you computed yourself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.errors import UsageError

Vectors = NDArray[np.float32]  # [text, dimension], of length 1

FORMS = (
    "auto, builtin, sentence-transformers:NAME, openai:MODEL@BASE_URL, column:FILE.parquet/COLUMN"
)


class Embedder(Protocol):
    """What makes vectors. Deterministic: a text's vector depends on nothing but the text."""

    @property
    def name(self) -> str:
        """As shown in the evidence."""
        ...

    @property
    def version(self) -> str:
        """What vectors are kept under: another model, fit or version is another name."""
        ...

    @property
    def keeps(self) -> bool:
        """Vectors are worth keeping between runs."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text. MissingExtra, EndpointError, InputError: as they come."""
        ...


def embedder_of(
    setting: str, corpus: Callable[[], Sequence[str]], *, offline: bool = False
) -> Embedder:
    """The embedder of a policy's `embedder:`. UsageError: no such form.

    `corpus`: texts to learn word weights from; called only for the built-in one.
    """
    kind, _, rest = setting.partition(":")
    if setting in ("auto", "builtin"):
        from costopt.accel.embed.builtin import Builtin

        return Builtin.fitted(corpus())
    if kind not in _MAKERS or not rest:
        raise UsageError(f"`{setting}` is no embedder.", where="embedder", hint=f"One of: {FORMS}.")
    return _MAKERS[kind](rest, offline)


def _sentence(rest: str, offline: bool) -> Embedder:
    from costopt.accel.embed.sentence import SentenceTransformers

    return SentenceTransformers.load(rest, offline=offline)


def _endpoint(rest: str, offline: bool) -> Embedder:
    from costopt.accel.embed.endpoint import Endpoint

    return Endpoint.of(rest, offline=offline)


def _given(rest: str, offline: bool) -> Embedder:
    from costopt.accel.embed.given import Given

    del offline
    return Given.read(rest)


_MAKERS: dict[str, Callable[[str, bool], Embedder]] = {
    "sentence-transformers": _sentence, "openai": _endpoint, "column": _given,
}  # fmt: skip


def normalised(vectors: NDArray[Any]) -> Vectors:
    """Rows of length 1; a row of zeros stays so and is alike to nothing."""
    vectors = np.asarray(vectors, np.float32)
    length = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)
