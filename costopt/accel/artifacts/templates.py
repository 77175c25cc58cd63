"""What prompts of a slot have in common: kept by their content, for every view and sweep of a trace."""

from __future__ import annotations

from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.slots import Templates
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View


def content(spec: ArtifactSpec, view: View) -> bytes:
    """Nothing: what it keeps is named by the digests of the texts themselves."""
    del spec, view
    return b""


def build(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Templates:
    """An empty shelf; layers fill it as they ask."""
    del spec, view, tokens, texts
    return Templates()
