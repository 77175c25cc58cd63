"""What a view's requests and answers are, as one hash: equal content, equal artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from costopt.layers.base import ArtifactSpec
from costopt.model.trace import Ragged
from costopt.model.view import View


def content_of(spec: ArtifactSpec, view: View) -> bytes:
    """Digest of the calls, their requests, answers, models and the segments that layers made."""
    del spec  # the spec is a key of its own
    request, response, made = view.request, view.response, view.made
    model, provider = view.model, view.provider
    return digest_of(
        view.trace.key, view.sent, view.at_us, model.codes, "\0".join(model.values),
        provider.codes, "\0".join(provider.values), *_arrays(request), *_arrays(response),
        made.digest, made.tokens,
    )  # fmt: skip


def _arrays(ragged: Ragged) -> tuple[NDArray[Any], ...]:
    return ragged.offsets, ragged.ids


def digest_of(*parts: NDArray[Any] | str | bytes) -> bytes:
    """16 bytes of all parts, each with its length: no two lists of parts run together."""
    h = xxhash.xxh3_128()
    for part in parts:
        raw = (
            np.ascontiguousarray(part).view(np.uint8).reshape(-1).data
            if isinstance(part, np.ndarray)
            else part.encode("utf-8", "surrogatepass")
            if isinstance(part, str)
            else part
        )
        h.update(len(raw).to_bytes(8, "big"))
        h.update(raw)
    return h.digest()


def digest_of_file(path: Path) -> bytes:
    """Of its bytes; empty where there is none."""
    return digest_of(path.read_bytes()) if path.is_file() else b""
