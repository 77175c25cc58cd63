"""One call made into a request that can be sent: the endpoint's model, a cap, a tier, a price at worst."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from costopt.engine.evaluate import Evaluator
from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.exchange import Block, Request, settings_of
from costopt.model.leaf import INPUT
from costopt.model.ports import Texts
from costopt.model.view import View
from costopt.prices.contract import Unpriced
from costopt.replay.items import Arm
from costopt.replay.money import Money, plain_leaves
from costopt.replay.plan.exposure import BATCH_TIER
from costopt.replay.terms import DEFAULT_CAP_TOKENS, Terms

LEAST_CAP_TOKENS = 256
MARKER_TOKENS = 12
"""What the words in front of a cold request come to, about."""
RECORDED_MARGIN = 1.02
"""On a provider's own count of a request that is sent as it was: ids of tool calls are written anew."""
COUNTED_MARGIN = 1.15
"""On a count from text: calibrated counters are off by a few per cent on a request."""
OTHER_BYTES_A_TOKEN = 2
"""Of a tokenizer that nobody here knows: English has four bytes a token, little text has below two. A
token has at least one byte, but a bound of bytes is four times what is charged and binds too early."""
PER_BLOCK = 16
"""Tokens that a wire format puts around a block, at most."""
PER_PICTURE = 2_000
_PICTURES = (SegmentKind.IMAGE, SegmentKind.FILE)


class Built(Protocol):
    """Requests of one view: `replay.requests.Requests`."""

    def build(self, row: int) -> Request | str: ...


class Make(Protocol):
    """`replay.requests.Requests.of`."""

    def __call__(self, view: View, texts: Texts, *, signed: bool) -> Built: ...


Key = tuple[Arm, int, str]
"""(arm, row, layer that is sent alone)"""


@dataclass(frozen=True)
class Send:
    """A request that the plan may send."""

    arm: Arm
    row: int
    layer: str
    """Of the arm `layer`: the one that is sent alone; else empty."""
    layers: tuple[str, ...]
    """Layers that put its answer at risk."""
    request: Request
    provider: str
    """As the view names it, and the model: what the projection prices."""
    model: str
    agent: str
    input_tokens: int
    output_tokens: int
    worst_pusd: int
    pieces: tuple[int, ...]
    """[block]: tokens of each block as counted for the log; empty: not told."""
    reference: tuple[Arm, int] | None = None
    """(arm, row) of the request whose answer is the reference; None: the log's own."""
    served_from: int = -1
    complete: bool = True
    """The log shows all of the prompt."""
    aside: bool = False
    """Asked for as another call's reference alone: it stands for no layer."""

    @property
    def key(self) -> Key:
        return self.arm, self.row, self.layer


@dataclass
class Sender:
    """Makes sends out of rows; views are asked for requests lazily."""

    evaluator: Evaluator
    terms: Terms
    money: Money
    make: Make
    _made: dict[tuple[int, bool], tuple[View, Built]] = field(default_factory=dict)
    _moved: dict[tuple[str, str], str] = field(default_factory=dict)

    def send(
        self, view: View, row: int, arm: Arm, *, layer: str = "", layers: tuple[str, ...] = (),
        batched: bool = False, reference: tuple[Arm, int] | None = None, served_from: int = -1,
        expected_output: int | None = None, aside: bool = False,
    ) -> Send | str:  # fmt: skip
        """The call of this view as this replay would send it, or why it cannot be."""
        provider, model = text_of(view.provider, row), text_of(view.model, row)
        found = self._built(view, signed=not self.is_mapped(provider, model)).build(row)
        if isinstance(found, str):
            return found
        tokens = self._input(view, row)
        logged = int(view.trace.output_tokens[row])
        output = logged if expected_output is None else expected_output
        request = self._addressed(found, view, row, batched)
        request = self._capped(request, max(logged, output))
        why = _cannot(request) or self._unpriced(request, provider, model)
        if why:
            return why
        changed = view is not self.evaluator.recorded
        if self.terms.cold:
            request = cold(request, f"{self.terms.seed}|{arm}|{layer}|{_key(view, row)}")
            tokens += MARKER_TOKENS
        hidden = bool(self.evaluator.model.lineage.hidden.tokens[row])
        told = not (changed or hidden or self.is_mapped(provider, model))
        bound = self.worst_input(
            request, tokens, told=told, known=not hidden and request.model == model
        )
        limit = request.limit_tokens or 0
        priced = self.money.bounds(request, tokens, min(output, limit), worst_input=bound)
        return Send(
            arm, row, layer, layers, request, provider, model,
            text_of(view.trace.dims["agent"], row), tokens, min(output, limit), priced[1],
            self._pieces(view, row, found), reference, served_from,
            not hidden, aside,
        )  # fmt: skip

    def mapped(self, provider: str, model: str) -> str:
        """The endpoint's name of a model: by its name, else by the book's name of it."""
        key = (provider, model)
        if key not in self._moved:
            self._moved[key] = _mapped(self.terms.model_map, self.evaluator, provider, model)
        return self._moved[key]

    def is_mapped(self, provider: str, model: str) -> bool:
        """Another model stands in for it: the log's answers are not its own."""
        return self.mapped(provider, model) != model

    def worst_input(self, request: Request, tokens: int, *, told: bool, known: bool) -> int:
        """Tokens that the endpoint may count at most; see the constants above for how sure that is.

        `told`: the provider counted this very request. `known`: else it was counted from it, by the model's
        own tokenizer as far as that is at hand.
        """
        texts = [b for b in request.blocks if b.kind not in _PICTURES]
        pictures = len(request.blocks) - len(texts)
        around = PER_BLOCK * len(request.blocks)
        if told:
            return math.ceil(tokens * RECORDED_MARGIN) + around
        bound = math.ceil(tokens * COUNTED_MARGIN) + around + PER_PICTURE * pictures
        if known:
            return bound
        size = sum(len(b.text.encode("utf-8", "surrogatepass")) for b in texts)
        return max(bound, size // OTHER_BYTES_A_TOKEN + around)

    def _unpriced(self, request: Request, provider: str, model: str) -> str:
        """Where the endpoint or the projection has no price for it; empty: both have."""
        tier, plain = request.service_tier, plain_leaves(1, 1)
        if not self.money.free and isinstance(
            self.money.rates(request.provider, request.model, tier), Unpriced
        ):
            return f"its model has no {tier} price at this endpoint"
        own = Money(self.evaluator.prices, fleet=True)
        if own.cost(provider, model, plain, tier) is None:
            return "its model has no price in the projection"
        return ""

    def _built(self, view: View, *, signed: bool) -> Built:
        """Requests of a view; its own model demands signatures of earlier thinking, a stand-in none."""
        found = self._made.get((id(view), signed))
        if found is None:
            found = view, self.make(view, self.evaluator.handed.texts(view), signed=signed)
            self._made[id(view), signed] = found
        return found[1]

    def _input(self, view: View, row: int) -> int:
        """Tokens of what is sent: a prompt that the log hides is not."""
        total = int(view.leaves[row, INPUT].sum())
        hidden = int(self.evaluator.model.lineage.hidden.tokens[row])
        if hidden and text_of(view.model, row) != text_of(self.evaluator.recorded.model, row):
            was = int(view.trace.input_tokens[row])
            hidden = hidden * total // was if was else 0
        return max(total - hidden, 0)

    def _pieces(self, view: View, row: int, built: Request) -> tuple[int, ...]:
        """Counts of the row's segments, where the request's blocks are those."""
        ids = view.request.row(row)
        if len(ids) != len(built.blocks):
            return ()
        counted = self.evaluator.handed.tokens(view).count(ids, text_of(view.model, row))
        return tuple(int(n) for n in counted)

    def _addressed(self, request: Request, view: View, row: int, batched: bool) -> Request:
        """Under the endpoint's name, on the tier on which it is really sent."""
        provider, model = text_of(view.provider, row), text_of(view.model, row)
        tier = text_of(self.evaluator.recorded.service_tier, row) or "default"
        if tier == BATCH_TIER or self.is_mapped(provider, model):
            tier = "default"
        name = self.mapped(provider, model)
        named = request.to(name) if name != model else request
        return replace(named, service_tier=BATCH_TIER if batched else tier)

    def _capped(self, request: Request, output: int) -> Request:
        """`Terms.cap_tokens`, else one for a request that sets none: twice what it is likely to say."""
        cap = self.terms.cap_tokens
        if cap is None and request.max_tokens is None:
            cap = min(max(2 * output, LEAST_CAP_TOKENS), max(DEFAULT_CAP_TOKENS, output))
            cap += _thinks(settings_of(request))
        return replace(request, cap_tokens=cap)


def cold(request: Request, salt: str) -> Request:
    """The same with a mark of its own before all that a provider could know already.

    It stands before the first message and inside the first tool, which some providers put in front. Cache
    marks are dropped: what is unlike from its first word is only written in vain.
    """
    mark = f"[{hashlib.blake2b(salt.encode(), digest_size=8).hexdigest()}]"
    blocks = [replace(b, breakpoint=Breakpoint.NONE) for b in request.blocks]
    first = next((i for i, b in enumerate(blocks) if b.kind != SegmentKind.TOOLS), len(blocks))
    if first:
        blocks[0] = replace(blocks[0], text=_marked_tool(blocks[0].text, mark))
    blocks.insert(first, Block(SegmentKind.SYSTEM, mark))
    return replace(request, blocks=tuple(blocks))


def _marked_tool(text: str, mark: str) -> str:
    """The mark in front of its description, where the text is as tools are kept."""
    head, quote, tail = text.partition('"description":"')
    return f"{head}{quote}{mark} {tail}" if quote else text


def text_of(column: Any, row: int) -> str:
    """A `Categorical`'s text of one row."""
    found: str = column.values[int(column.codes[row])]
    return found


def _mapped(names: Mapping[str, str], evaluator: Evaluator, provider: str, model: str) -> str:
    if model in names:
        return names[model]
    for name in (
        f"{provider}/{model}",
        (evaluator.prices.canonical(provider, model) or ("", ""))[1],
    ):
        if name in names:
            return names[name]
    return model


def _key(view: View, row: int) -> str:
    return view.trace.key[row].tobytes().hex()


def _thinks(settings: Mapping[str, Any]) -> int:
    """Budget for thinking that counts as output and must lie below the cap (Anthropic)."""
    thinking = settings.get("thinking")
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    return budget if isinstance(budget, int) and budget > 0 else 0


def _cannot(request: Request) -> str:
    """Why no bound can be given, or no server would take it; empty: neither."""
    limit, budget = request.limit_tokens or 0, _thinks(settings_of(request))
    if budget and limit <= budget:
        return "it thinks with a larger budget than the output cap allows"
    return ""
