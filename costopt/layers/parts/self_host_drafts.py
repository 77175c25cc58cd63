"""Speculative decoding of a layer's fleet: from a preset's or method's name to what a replica drafts with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from costopt.errors import UsageError
from costopt.serving.fleet.drafts import Drafts
from costopt.serving.models import ModelShape, shape
from costopt.serving.speculation.arithmetic import Acceptance
from costopt.serving.speculation.config import Value, lookup_config, model_config
from costopt.serving.speculation.methods import (
    Drafter,
    NotPublished,
    Preset,
    Range,
    acceptance_range,
    method,
    presets,
)
from costopt.serving.speculation.ngram import NGram
from costopt.serving.speculation.suffix import Suffix

if TYPE_CHECKING:
    from costopt.layers.self_host import SelfHost
    from costopt.serving.deployment import Deployed

USUAL_DRAFT_TOKENS = 3
"""Where neither the policy nor a preset says how many: most published sweeps peak at 2 to 4."""


def drafts_of(layer: SelfHost, made: ModelShape) -> Drafts | None:
    """None: no speculation. UsageError: nothing is known of its acceptance, or its draft model is missing."""
    if not layer.speculation:
        return None
    pair = _pair(layer)
    if pair is not None and not _alike(shape(pair.target), made):
        raise UsageError(f"`speculation: {pair.name}` drafts for {pair.target}, not {layer.model}.")
    one = method(pair.method if pair else layer.speculation)
    name = layer.draft_model or (pair.repository if pair else "")
    if one.drafter is Drafter.MODEL and not name:
        raise UsageError(f"`speculation: {layer.speculation}` needs a `draft_model`.")
    tokens = layer.draft_tokens or (pair.draft_tokens if pair else USUAL_DRAFT_TOKENS)
    chance, basis = _chance(layer)
    draft = shape(name) if one.drafter is Drafter.MODEL else None
    return Drafts(one.name, tokens, Acceptance.constant(chance), basis, draft, name)


def acceptance_known(layer: SelfHost) -> Range | NotPublished:
    """What is published or assumed of the method's acceptance."""
    pair = _pair(layer)
    return pair.acceptance if pair else acceptance_range(layer.speculation)


def config_of(found: Deployed) -> Mapping[str, Value] | None:
    """vLLM's `--speculative-config`, the schedule of a length by load included. None: started without, or
    vLLM has no such method."""
    drafts, served = found.wish.drafts, found.one.served
    if drafts is None or not method(drafts.method).vllm:
        return None
    if drafts.method == "ngram":
        return lookup_config(NGram(draft_tokens=drafts.draft_tokens))
    if drafts.method == "suffix":
        return lookup_config(Suffix(draft_tokens=drafts.draft_tokens))
    if not served.draft_tokens:
        return None
    head = drafts.draft_name or f"<an {drafts.method} head of this model>"
    return model_config(drafts.method, served.draft_tokens, head, served.draft_schedule)


def _pair(layer: SelfHost) -> Preset | None:
    return presets().get(layer.speculation.strip().lower())


def _alike(a: ModelShape, b: ModelShape) -> bool:
    """A fine-tune or a later point release is drafted for as its base is."""
    return (a.layers, a.hidden, a.vocab) == (b.layers, b.hidden, b.vocab)


def _chance(layer: SelfHost) -> tuple[float, str]:
    """(conditional acceptance of a drafted token, what it rests on)."""
    if layer.acceptance is not None:
        return layer.acceptance, "stated in the policy"
    known = acceptance_known(layer)
    if isinstance(known, NotPublished):
        raise UsageError(f"`speculation`: {known.reason} Then state it as `acceptance`.")
    return known.low + layer.acceptance_at * (known.high - known.low), known.kind
