"""The compressor itself, loaded once: every rate and every view shares it."""

from __future__ import annotations

from costopt.accel.compress import Compressor, compressor_of
from costopt.layers.base import ArtifactSpec
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

WARM_UP = "The first text of a run also pays for what a library sets up once; it is not timed."


def content(spec: ArtifactSpec, view: View) -> bytes:
    """It depends on no text."""
    del spec, view
    return b""


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, offline: bool = False
) -> Compressor:
    """`spec`: `method`, `model`, `device`."""
    del view, tokens, texts
    made = compressor_of(
        str(spec.get("method")), str(spec.get("model")), offline=offline,
        device=str(spec.get("device", "cpu")),
    )  # fmt: skip
    made.compress(WARM_UP, 0.5)
    return made
