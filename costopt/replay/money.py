"""What a replay's requests cost at its endpoint: of a measured usage to the pico-dollar, and beforehand
between what is expected and the most that can be charged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from costopt.billing.charges import MOST_PUSD, as_of_us, context_tier, net_of
from costopt.errors import UsageError
from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.exchange import Request, settings_of
from costopt.model.leaf import CACHE_WRITES, INPUT, N_LEAVES, Leaf
from costopt.model.own_fleet import OWN_FLEET
from costopt.prices.contract import NO_RATE, DatedRates, PriceBook, RatePeriod, Unpriced
from costopt.prices.own_fleet import rates_of

Extra = Sequence[tuple[str, Sequence[int]]]
"""Further (model, [leaf] tokens) charged inside an answer."""
OWN = "selfhosted"
"""Provider of models that only the user's overlay prices."""
_MARKED = {Breakpoint.TTL_5M: Leaf.CACHE_WRITE_5M, Breakpoint.TTL_1H: Leaf.CACHE_WRITE_1H}
_DEARER_BLOCKS = {
    SegmentKind.IMAGE: (Leaf.INPUT_IMAGE,),
    SegmentKind.FILE: (Leaf.INPUT_IMAGE, Leaf.INPUT_AUDIO),
}
_WRITTEN = (Leaf.OUTPUT_TEXT, Leaf.OUTPUT_REASONING)


@dataclass(frozen=True)
class Money:
    """The endpoint's prices: the book's at its own date, each model under the name that is sent.

    A seat covers no request that a replay sends with a key: it is charged at list price.
    """

    prices: PriceBook
    free: bool = False
    """The address is the user's own (loopback, private): a model without a price costs nothing there."""
    region: str = ""
    """Where the endpoint's price depends on the place (`eu`), as the book names it."""
    fleet: bool = False
    """The projection's own prices: tokens on the policy's fleet cost nothing there, its rent is a fee."""

    def cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str = "default",
        web_searches: int = 0, extra: Extra = (),
    ) -> int | None:  # fmt: skip
        """Pico-dollars of a measured usage [leaf]; None: it, or a further model's part, has no price."""
        parts = [self._cost(provider, model, leaves, tier, web_searches)]
        parts += [self._cost(provider, other, tokens, tier) for other, tokens in extra]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def _cost(
        self, provider: str, model: str, leaves: Sequence[int], tier: str, web_searches: int = 0
    ) -> int | None:
        rates = self.rates(provider, model, tier)
        if isinstance(rates, Unpriced):
            return 0 if self.free else None
        period = self._period(rates)
        row = context_tier(period, sum(leaves[INPUT])).rates
        used = [(n, rate) for n, rate in zip(leaves, row, strict=True) if n]
        if web_searches:
            used.append((web_searches, period.web_search_pusd))
        if any(rate == NO_RATE for _, rate in used):
            return None
        listed = sum(n * rate for n, rate in used)
        return None if listed > MOST_PUSD else net_of(listed, rates.discount_multiplier_ppm)

    def bounds(
        self, request: Request, input_tokens: int, expected_output: int | None = None, *,
        leaves: Sequence[int] | None = None, worst_input: int | None = None,
    ) -> tuple[int, int]:  # fmt: skip
        """(expected, at worst) pico-dollars of a request before it is sent.

        Expected: `leaves` where the projection says them, else `input_tokens` uncached and
        `expected_output`. At worst there are `worst_input` input tokens, none is read from a cache, each
        is written where writes are charged, and every answer is as long as its cap, reasoning inside
        it. Raises UsageError without a price, ValueError without a cap.
        """
        limit = request.limit_tokens
        if limit is None:
            raise ValueError("a request without an output cap has no worst case")
        rates = self.rates(request.provider, request.model, request.service_tier)
        if isinstance(rates, Unpriced):
            if self.free:
                return 0, 0
            raise _without([(request.provider, request.model, rates.reason)])
        most_input = max(input_tokens, worst_input or 0)
        worst = self._worst(request, rates, most_input, limit * answers_of(request))
        if leaves is None:
            likely = limit if expected_output is None else expected_output
            leaves = plain_leaves(input_tokens, likely)
        expected = self.cost(request.provider, request.model, leaves, request.service_tier)
        return (worst if expected is None else min(expected, worst)), worst

    def rates(self, provider: str, model: str, tier: str = "default") -> DatedRates | Unpriced:
        """Of a model as it is sent. A name that its provider does not sell is looked up by itself; at
        the user's own address only in the user's overlay, for what is served there is not sold."""
        tier = tier or "default"
        if self.fleet and provider == OWN_FLEET:
            return rates_of(self.prices, provider, model, tier=tier, region="", speed="")
        found = self.prices.rates(provider, model, tier=tier, region=self.region)
        if isinstance(found, DatedRates):
            return found
        other = self.prices.rates(OWN if self.free else "", model, tier=tier, region=self.region)
        return other if isinstance(other, DatedRates) else found

    def check(self, models: Iterable[tuple[str, str]]) -> None:
        """UsageError where a (provider, model) has no price and the address is not the user's own."""
        if self.free:
            return
        missing = []
        for provider, model in dict.fromkeys(models):
            rates = self.rates(provider, model)
            if isinstance(rates, Unpriced):
                missing.append((provider, model, rates.reason))
        if missing:
            raise _without(missing)

    def _period(self, rates: DatedRates) -> RatePeriod:
        return rates.at(as_of_us(self.prices))

    def _worst(self, request: Request, rates: DatedRates, tokens: int, written: int) -> int:
        """Every token at the dearest rate that it can meet, in any context tier up to its own."""
        period = self._period(rates)
        reached = [
            t for t in period.tiers
            if not t.above_input_tokens or tokens > t.above_input_tokens
            or (t.reaches and tokens == t.above_input_tokens)
        ]  # fmt: skip
        kinds = self._input_leaves(request)
        into = max(t.rates[leaf] for t in reached for leaf in kinds)
        out = max(t.rates[leaf] for t in reached for leaf in _WRITTEN)
        if NO_RATE in (into, out):
            name = (request.provider, request.model)
            raise _without([(*name, f"no price for its {'input' if into < 0 else 'output'}")])
        listed = tokens * into + written * out
        return net_of(listed, rates.discount_multiplier_ppm)

    def _input_leaves(self, request: Request) -> set[Leaf]:
        """As what an input token of this request may be charged, cached reads aside."""
        found = {Leaf.INPUT_FRESH}
        marks = {b.breakpoint for b in request.blocks} - {Breakpoint.NONE}
        found |= {_MARKED[mark] for mark in marks}
        for block in request.blocks:
            found |= set(_DEARER_BLOCKS.get(block.kind, ()))
        rules = self.prices.cache_rules(request.provider, request.model, as_of_us(self.prices))
        if rules.mode == "automatic" and rules.write_multiplier_ppm > 1_000_000:
            found |= {Leaf(i) for i in range(CACHE_WRITES.start, CACHE_WRITES.stop)}
        return found


_ANSWERS = ("n", "candidateCount", "candidate_count", "best_of")
"""Whoever's name it has in the log: an endpoint sends it under its own."""


def answers_of(request: Request) -> int:
    """Answers that the request asks for at once; each is charged."""
    told = settings_of(request)
    return max([1, *(n for name in _ANSWERS if isinstance(n := told.get(name), int))])


def plain_leaves(input_tokens: int, output_tokens: int) -> tuple[int, ...]:  # [leaf]
    """Uncached input and visible output."""
    leaves = [0] * N_LEAVES
    leaves[Leaf.INPUT_FRESH], leaves[Leaf.OUTPUT_TEXT] = input_tokens, output_tokens
    return tuple(leaves)


def _without(missing: Sequence[tuple[str, str, str]]) -> UsageError:
    names = ", ".join(f"{p}/{m}" if p else m for p, m, _ in missing[:3])
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return UsageError(
        f"no price for {names}{more} at this endpoint, so no budget could bind: {missing[0][2]}",
        hint="give it one in prices.yaml and pass --prices prices.yaml",
    )
