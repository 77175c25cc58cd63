"""Speculative decoding as a fleet's setting: who drafts, how many tokens, and how many are accepted."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.serving.models import ModelShape
from costopt.serving.speculation.arithmetic import Acceptance

BY_LOAD = 0
"""As `draft_tokens`: the length that gains most at each number of running sequences."""


@dataclass(frozen=True)
class Drafts:
    """What a replica drafts with. `speculation/` says what that gives and costs."""

    method: str
    """As in `speculation.methods.METHODS`."""
    draft_tokens: int
    """`BY_LOAD`: best by load, the schedule that vLLM takes as `num_speculative_tokens_per_batch_size`."""
    acceptance: Acceptance
    basis: str
    """What the acceptance rests on: `published`, `assumed`, `measured`, `calibrated`."""
    draft: ModelShape | None = None
    """The draft model, where the method has one."""
    draft_name: str = ""
    """Its repository, for the printed command."""
