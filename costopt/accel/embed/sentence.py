"""Neural sentence embeddings on this machine: any sentence-transformers model, by folder or hub name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from costopt.accel.embed import Vectors, normalised
from costopt.accel.weights import weights_hash
from costopt.errors import InputError, MissingExtra

_BATCH = 64


@dataclass(frozen=True, eq=False)
class SentenceTransformers:
    """A loaded model. Texts longer than the model reads are cut by it, as they are where it is deployed."""

    model: Any
    name: str
    version: str
    keeps: bool = True

    @classmethod
    def load(cls, name: str, *, offline: bool) -> SentenceTransformers:
        """From a folder, else from the hub (`offline`: its local copy). MissingExtra, InputError."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra("sentence-transformers", "embed") from error
        local = Path(name).expanduser()
        where = str(local) if local.is_dir() else name
        try:
            model = SentenceTransformer(
                where, local_files_only=offline or local.is_dir(), device="cpu"
            )
        except (
            OSError,
            ValueError,
            RuntimeError,
        ) as error:  # what transformers raises for a missing model
            raise InputError(
                f"This sentence-transformers model cannot be loaded: {_first_line(error)}",
                where=name, hint="Give a folder that holds the model, or a hub name with network access.",
            ) from error  # fmt: skip
        reads = model.max_seq_length
        shown = f"sentence-transformers {local.name if local.is_dir() else name}"
        return cls(model, shown, f"sentence-transformers-{weights_hash(model)}-{reads}")

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, 1), np.float32)
        made = self.model.encode(
            [_readable(t) for t in texts], batch_size=_BATCH, show_progress_bar=False,
            convert_to_numpy=True, normalize_embeddings=True,
        )  # fmt: skip
        return normalised(made)


def _readable(text: str) -> str:
    """Tokenizers refuse lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
