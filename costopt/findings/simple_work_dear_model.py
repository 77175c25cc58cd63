"""Short questions with short answers go to a model that costs several times its smaller sibling.

## Where the money goes
A label or a yes from a large model costs 10 to 20 times what the same provider's small model asks.

## How it is found
By size alone: calls with at most 4,000 tokens in and 200 out, no reasoning and no tool called, where they
are most of what an agent sends to a model that has a smaller sibling. `usd` is the bill difference with the
sibling's prices for the same tokens.

## What can go wrong
Short is not easy. Whether the small model answers as well is not in the log: this is a hint until `route`
has been replayed.

## Fix
Replay a sample on the small model, then route this task to it.
"""

from __future__ import annotations

import re

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings.places import Int, Mask, by_code, dearest, places, shown_name, total
from costopt.findings.what_if import saved
from costopt.model.bill import PriceStatus
from costopt.model.finding import Finding
from costopt.model.leaf import Leaf
from costopt.model.trace import Categorical, Trace
from costopt.prices.contract import Unpriced

NAME = "simple_work_dear_model"
SIMPLE_INPUT_TOKENS, SIMPLE_OUTPUT_TOKENS = 4_000, 200
"""A page or two of text, and a paragraph: classification, extraction, short answers."""
LEAST_CALLS = 20
LEAST_SHARE = 0.8
"""Of an agent's calls to the model: else the short ones are steps of larger work."""
BASIS = "assumes the same tokens and equally good answers from the smaller model; not measured"
# The next smaller model of the same maker and time. Names only; prices come from the book.
_SIBLINGS = tuple((re.compile(pattern), small) for pattern, small in (
    (r"^gpt-4o(?!-mini)", "gpt-4o-mini"), (r"^gpt-4\.1(?!-(mini|nano))", "gpt-4.1-mini"),
    (r"^gpt-4(-turbo.*|-\d{4}.*)?$", "gpt-4o-mini"), (r"^gpt-5(?!.*(mini|nano))", "gpt-5-mini"),
    (r"^o[13](?!-mini)", "o4-mini"),
    (r"claude-3-opus|claude-3-5-sonnet|claude-3-sonnet|claude-3-7", "claude-3-5-haiku-20241022"),
    (r"claude-(opus|sonnet)-4", "claude-haiku-4-5"), (r"^gemini-1\.5-pro", "gemini-1.5-flash"),
    (r"^gemini-2\.5-pro", "gemini-2.5-flash"), (r"^gemini-3(\.\d)?-pro", "gemini-3-flash-preview"),
    (r"^mistral-large", "mistral-small-latest"),
))  # fmt: skip


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and model."""
    trace = context.trace
    siblings = _siblings(context)
    if not any(siblings):
        return []
    priced = context.bill.status == PriceStatus.PRICED
    simple = priced & _is_simple(trace)
    has = np.array([s is not None for s in siblings], np.bool_)[_pair(trace)]
    code = places(context).code * len(siblings) + _pair(trace)
    size = int(code.max(initial=0)) + 1
    share = np.bincount(code[simple], minlength=size) / np.maximum(
        np.bincount(code[priced], minlength=size), 1
    )
    chosen = simple & has & (share[code] >= LEAST_SHARE)
    if not chosen.any():
        return []
    worth = np.where(chosen, _saved(context, siblings, chosen), 0)
    found = [
        _finding(context, rows, worth, siblings)
        for _, rows in by_code(code, chosen)
        if len(rows) >= LEAST_CALLS
    ]
    return [f for f in found if f.usd > 0]


def _is_simple(trace: Trace) -> Mask:
    small = (trace.input_tokens <= SIMPLE_INPUT_TOKENS) & (trace.requests == 1)
    small &= trace.output_tokens <= SIMPLE_OUTPUT_TOKENS
    small &= trace.leaves[:, Leaf.OUTPUT_REASONING] == 0
    return small & (trace.dims["tool"].codes == 0) & (trace.output_tokens > 0)


def _pair(trace: Trace) -> Int:  # [call]
    """Provider and model in one code."""
    model = trace.dims["model"]
    return trace.dims["provider"].codes.astype(np.int64) * len(model.values) + model.codes


def _siblings(context: AuditContext) -> list[tuple[str, str] | None]:
    """(provider, smaller model) of each pair code; None: there is none with a price."""
    trace = context.trace
    providers, models = trace.dims["provider"].values, trace.dims["model"].values
    out: list[tuple[str, str] | None] = [None] * (len(providers) * len(models))
    for code in np.unique(_pair(trace)).tolist():
        named = (providers[code // len(models)], models[code % len(models)])
        known = context.prices.canonical(*named)
        small = smaller(known[1]) if known else None
        if small and known:
            candidates = ((named[0], small), (known[0], small))
            out[code] = next(
                (c for c in candidates if not isinstance(context.prices.rates(*c), Unpriced)), None
            )
    return out


def smaller(model: str) -> str | None:
    """The next smaller sibling of a model, by name."""
    bare = model.rpartition("/")[2]
    return next((small for pattern, small in _SIBLINGS if pattern.search(bare)), None)


def _saved(context: AuditContext, siblings: list[tuple[str, str] | None], chosen: Mask) -> Int:
    trace = context.trace
    pair = np.where(chosen, _pair(trace), -1)
    provider, model = trace.dims["provider"], trace.dims["model"]
    provider_code, model_code = provider.codes.copy(), model.codes.copy()
    providers, models = list(provider.values), list(model.values)
    for code in np.unique(pair[pair >= 0]).tolist():
        sibling = siblings[code]
        if sibling is not None:
            provider_code[pair == code], model_code[pair == code] = len(providers), len(models)
            providers.append(sibling[0])
            models.append(sibling[1])
    return saved(
        context,
        provider=Categorical(provider_code, tuple(providers)),
        model=Categorical(model_code, tuple(models)),
    )


def _finding(
    context: AuditContext, rows: Int, worth: Int, siblings: list[tuple[str, str] | None]
) -> Finding:
    trace = context.trace
    label = places(context).labels[int(places(context).code[rows[0]])]
    model = shown_name(trace.dims["model"].values[trace.dims["model"].codes[rows[0]]])
    sibling = siblings[int(_pair(trace)[rows[0]])]
    small = sibling[1] if sibling else ""
    who = "" if label == model else f" on {model}"
    return Finding(
        NAME, f"{label}: short questions and answers{who}, could be {small}", total(worth, rows),
        dearest(rows, worth), f"Replay a sample on {small}, then route this task to it.", "route",
        estimated=True,
        evidence={
            "calls": len(rows), "median_input_tokens": int(np.median(trace.input_tokens[rows])),
            "median_output_tokens": int(np.median(trace.output_tokens[rows])),
            "smaller_model": small, "basis": BASIS,
        },
    )  # fmt: skip
