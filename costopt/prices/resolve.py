"""From a log's (provider, model) to one row of the book, or why not. Nothing is guessed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from costopt.prices.catalog import Row, Several, Shelf, catalog
from costopt.prices.contract import Unpriced
from costopt.prices.names import (
    GATEWAYS,
    SELF_HOSTED,
    bare,
    claude_version,
    provider_id,
    provider_word,
    split_bedrock,
)
from costopt.prices.own_data import data, moment_us
from costopt.prices.sheet import Units, from_book
from costopt.prices.standard import other_charges

# The longest id of the book has 70 characters, an ARN or a fine-tune some more.
MOST_CHARS = 300
# Who makes the models that a bare name can mean. Clouds and hosts resell; they are never assumed.
FIRST_PARTY = (
    "openai", "anthropic", "google", "x-ai", "deepseek", "mistral", "cohere", "perplexity",
    "moonshotai", "zai", "zhipuai", "minimax", "voyageai", "arcee",
)  # fmt: skip
# OpenRouter passes these makers' prices through unchanged (https://openrouter.ai/docs/faq, "we pass
# through the pricing of the underlying providers", checked 2026-11-24); their own dated rows are
# better than OpenRouter's, which has no history.
PASS_THROUGH = ("openai", "anthropic", "google", "x-ai")
# Clouds that resell makers' models. The maker's row has dates and tiers, so it is taken wherever the
# cloud's own row is missing or agrees with it.
MAKERS_PRICE = {"azure": ("openai", "anthropic", "deepseek", "x-ai", "moonshotai")}


@dataclass(frozen=True, slots=True)
class Found:
    """A row, and what the name said about the way to it."""

    row: Row
    charger: str
    """Provider that sends the invoice (`openrouter` for Google's model through OpenRouter)."""
    geo: str = ""
    """Bedrock region prefix that the row's own price does not yet hold (`us`, `global`, `in-region`)."""
    free: bool = False
    """A `:free` slug: a listed zero."""
    before: tuple[int, Row] | None = None
    """(until, row): the name is an alias that meant another row until then."""
    also: str = ""
    """What is billed beside the tokens and not counted in a log: then no price is given."""

    def at(self, at_us: int) -> Found:
        """What the name meant at a moment."""
        if self.before and at_us < self.before[0]:
            return replace(self, row=self.before[1], before=None)
        return self


def resolve(provider: str, model: str) -> Found | Unpriced:
    """The row of a model as a log names it."""
    name = bare(model[: MOST_CHARS + 1])
    if not name:
        return Unpriced("the log names no model")
    if len(name) > MOST_CHARS:
        return Unpriced(f"`{name[:40]}...` is too long for a model's name")
    if name.startswith("arn:"):
        return Unpriced(
            f"`{name}` is an inference profile, not a model: map it under `aliases:` in prices.yaml"
        )
    who = provider_id(provider)
    if who in SELF_HOSTED or provider_word(provider) in SELF_HOSTED:
        return Unpriced(f"`{model}` runs on your own machines: give its price in prices.yaml")
    if not who or who in GATEWAYS:
        return _from_name(name)
    return _at(who, name)


def _at(who: str, name: str) -> Found | Unpriced:
    """A model at a stated provider."""
    shelf = catalog().get(who)
    if shelf is None:
        near = difflib.get_close_matches(who, catalog(), n=3)
        return Unpriced(f"provider `{who}` is not in the price book", candidates=tuple(near))
    if who == "openrouter":
        return _openrouter(name)
    if who == "aws":
        return _bedrock(name)
    prefix, _, rest = name.partition("/")
    tries = [name, rest] if rest and provider_id(prefix) == who else [name]
    for attempt in tries:
        found = _maker_first(who, attempt)
        if found is not None:
            return found
    if rest and provider_id(prefix) in catalog():
        # An OpenAI-compatible client in front of another provider: the prefix says which.
        return _at(provider_id(prefix), rest)
    return _unknown(who, rest or name, [shelf])


def _maker_first(who: str, name: str) -> Found | Unpriced | None:
    own = catalog()[who].find(name)
    for maker in MAKERS_PRICE.get(who, ()):
        found = catalog()[maker].find(name)
        if found is not None and (own is None or _agree(own, found)):
            return _take(found, who, name)
    if own is not None:
        return _take(own, who, name)
    if who == "google" and claude_version(name):
        return _take(catalog()["anthropic"].find(name), who, name)
    return None


def _agree(own: Row | Several, maker: Row | Several) -> bool:
    """Whether the maker's row has, at some time, the very prices of the cloud's own undated row."""
    if isinstance(own, Several) or isinstance(maker, Several):
        return False
    listed = maker.info.prices
    periods = [p.prices for p in listed] if isinstance(listed, list) else [listed]
    mine = from_book(own.info.prices).tiers if not isinstance(own.info.prices, list) else ()
    return any(_same_tokens(mine, from_book(p).tiers) for p in periods)


def _same_tokens(a: tuple[tuple[int, Units], ...], b: tuple[tuple[int, Units], ...]) -> bool:
    wanted = ("input", "output", "cached_input")
    return [(s, [u.get(n) for n in wanted]) for s, u in a] == [
        (s, [u.get(n) for n in wanted]) for s, u in b
    ]


def _take(found: Row | Several | None, charger: str, name: str) -> Found | Unpriced | None:
    if isinstance(found, Several):
        return Unpriced(
            f"`{name}` could be any of several models with different prices",
            ambiguous=True, candidates=found.candidates,
        )  # fmt: skip
    if found is None:
        return None
    free = found.model.endswith(":free")
    also = "" if free else other_charges(found, name)
    return Found(found, charger, free=free, before=_before(found, name), also=also)


def _before(row: Row, name: str) -> tuple[int, Row] | None:
    for item in data("corrections")["moved_aliases"]:
        if (item["provider"], item["alias"]) == (row.provider, name):
            earlier = catalog()[row.provider].find(item["row"])
            return (moment_us(item["to"]), earlier) if isinstance(earlier, Row) else None
    return None


def _from_name(name: str) -> Found | Unpriced:
    """No provider in the log: a prefix that names one, else the one maker that has this model."""
    prefix, _, rest = name.partition("/")
    who = provider_id(prefix) if rest else ""
    if rest and who == "openrouter":
        return _openrouter(rest)
    if rest and prefix in SELF_HOSTED:
        return Unpriced(f"`{name}` runs on your own machines: give its price in prices.yaml")
    if rest and who in catalog() and not _many_hosts(rest):
        return _at(who, rest)
    if ":" in rest and rest.endswith(":free"):
        return _openrouter(name)
    if split_bedrock(name) and catalog()["aws"].find(name):
        return _bedrock(name)
    return _one_maker(rest or name)


def _many_hosts(name: str) -> bool:
    """Open weights: the maker does not sell them, hosts do, each at its own price."""
    return name.startswith("gpt-oss")


def _one_maker(name: str) -> Found | Unpriced:
    makers = [m for m in FIRST_PARTY if m in catalog() and _sells(m, name)]
    hits = [(m, catalog()[m].find(name)) for m in makers]
    found = [(m, h) for m, h in hits if h is not None]
    if len(found) == 1:
        who, hit = found[0]
        taken = _take(hit, who, name)
        if taken is not None:
            return taken
    if found:
        names = tuple(f"{m}/{name}" for m, _ in found)
        return Unpriced(f"several providers sell `{name}`", ambiguous=True, candidates=names)
    hosts = [s.id for s in catalog().values() if isinstance(s.find(name), Row)]
    if hosts:
        return Unpriced(
            f"`{name}` is sold by hosts at their own prices and the log names none",
            ambiguous=True, candidates=tuple(f"{h}/{name}" for h in hosts[:8]),
        )  # fmt: skip
    return _unknown("", name, [catalog()[m] for m in FIRST_PARTY if m in catalog()])


def _sells(maker: str, name: str) -> bool:
    """Google resells Claude: a bare Claude name means Anthropic."""
    return not _many_hosts(name) and (maker == "anthropic" or "claude" not in name)


def _openrouter(name: str) -> Found | Unpriced:
    shelf = catalog()["openrouter"]
    slug, _, variant = name.partition(":")
    listed = shelf.find(name)
    if variant == "free":
        row = listed if isinstance(listed, Row) else shelf.find(slug)
        info = row.info if isinstance(row, Row) else None
        return Found(Row("openrouter", name, info), "openrouter", free=True)
    if not variant:
        vendor, _, rest = slug.partition("/")
        passed = vendor in PASS_THROUGH and rest and not _many_hosts(rest)
        found = catalog()[vendor].find(rest) if passed else None
        if isinstance(found, Row):
            return Found(found, "openrouter")
    taken = _take(listed, "openrouter", name)
    if taken is not None:
        return taken
    if "/" not in name:
        other = _one_maker(name)
        return Found(other.row, "openrouter") if isinstance(other, Found) else other
    return _unknown("openrouter", name, [shelf])


def _bedrock(name: str) -> Found | Unpriced:
    """Bedrock's own rows hold the regional price; a model they lack has Anthropic's, times the uplift."""
    shelf = catalog()["aws"]
    for attempt in (name, name.partition("/")[2]):
        taken = _take(shelf.find(attempt), "aws", attempt) if attempt else None
        if taken is not None:
            return taken
    split = split_bedrock(name)
    model = split[1] if split else name
    if claude_version(model):
        found = _take(catalog()["anthropic"].find(model), "aws", model)
        if isinstance(found, Found):
            return Found(found.row, "aws", geo=(split[0] if split else "") or "in-region")
        if found is not None:
            return found
    return _unknown("aws", name, [shelf])


def _unknown(who: str, name: str, shelves: list[Shelf]) -> Unpriced:
    known = list(dict.fromkeys(n for shelf in shelves for n in shelf.names()))
    # The very model at its maker comes first: the log's provider may be the client's, not the server's.
    makers = [m for m in FIRST_PARTY if m != who and _sells(m, name) and catalog()[m].find(name)]
    near = [f"{m}/{name}" for m in makers] if who else []
    near += difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    at = f" of {who}" if who else ""
    hint = ": a deployment needs an alias in prices.yaml" if who == "azure" else ""
    return Unpriced(f"no price for model `{name}`{at}{hint}", candidates=tuple(near))
