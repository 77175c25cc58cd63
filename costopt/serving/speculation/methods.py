"""Ways of drafting, what is published about their acceptance, and pairs of models by name.

Every figure stands in `data/acceptance.json` with its source and date. Labels: `published` (somebody else
measured it), `assumed` (nobody did, a reason is given), `measured` (on the user's own texts, `lookup.py`),
`calibrated` (read from the counters of the user's own endpoint).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from costopt.errors import UsageError, nearest
from costopt.serving.speculation.arithmetic import Acceptance, acceptance_of_length

_DATA = Path(__file__).parent / "data" / "acceptance.json"


class Drafter(Enum):
    """What makes the draft, and so what a drafted token costs."""

    MODEL = "a smaller model, one pass a token"
    HEAD = "a trained head of one layer on the target's features, one pass a token"
    LAYER = "a layer that came with the target, one pass a token"
    HEADS = "several trained heads, one pass for all tokens"
    LOOKUP = "text that is there already; only verification is paid"


@dataclass(frozen=True, slots=True)
class Method:
    """A way of drafting; `vllm` is its name in `--speculative-config`, "" where there is none."""

    name: str
    drafter: Drafter
    vllm: str
    needs: str
    """What has to be at hand."""
    small_vocab: bool = False
    """The head chooses from a part of the vocabulary."""
    varies: bool = False
    """Drafts are of different lengths; some steps have none."""


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        one.name: one
        for one in (
            Method(
                "draft_model", Drafter.MODEL, "draft_model", "a smaller model of the same tokenizer"
            ),
            Method("eagle", Drafter.HEAD, "eagle", "an EAGLE head trained for the target"),
            Method(
                "eagle3", Drafter.HEAD, "eagle3", "an EAGLE-3 head trained for the target", True
            ),
            Method("mtp", Drafter.LAYER, "mtp", "a target with multi-token prediction layers"),
            Method("medusa", Drafter.HEADS, "", "Medusa heads; vLLM no longer has the method"),
            Method("ngram", Drafter.LOOKUP, "ngram", "nothing", varies=True),
            Method("suffix", Drafter.LOOKUP, "suffix", "the arctic-inference package", varies=True),
        )
    }
)


def method(name: str) -> Method:
    """A method by name; UsageError names the nearest."""
    asked = name.strip().lower().replace("-", "_")
    asked = {"prompt_lookup": "ngram", "draft": "draft_model", "deepseek_mtp": "mtp"}.get(
        asked, asked
    )
    if asked not in METHODS:
        hint = nearest(asked, METHODS) or f"Known: {', '.join(METHODS)}."
        raise UsageError(f"No speculation method is called `{name}`.", hint=hint)
    return METHODS[asked]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the data file: what one source says of one method on one task."""

    method: str
    task: str
    target: str
    draft: str
    lengths: Mapping[int, float]
    """{drafted tokens: acceptance length}, the bonus token included; chains only."""
    kind: str
    source: str
    published: str
    checked: str
    note: str = ""
    all_steps: bool = False
    """Steps without a draft are in the lengths, as it must be for look-up methods; else they are not."""
    confirmed: bool = False
    """Read a second time at `read_at`, with the same figures; else as it was entered on the day checked."""
    read_at: str = ""

    def acceptances(self) -> tuple[float, ...]:
        """The constant `a` that gives each length."""
        return tuple(acceptance_of_length(length, g) for g, length in self.lengths.items())

    def acceptance(self) -> Acceptance | None:
        """By position, where every length from 1 on is given; None: it is not."""
        if set(self.lengths) != set(range(1, len(self.lengths) + 1)):
            return None
        survivors = [self.lengths[1] - 1.0]
        survivors += [
            self.lengths[g] - self.lengths[g - 1] for g in range(2, len(self.lengths) + 1)
        ]
        falling = [min(survivors[: place + 1]) for place in range(len(survivors))]
        return Acceptance.of_positions(falling, 1.0)


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest `a` of some figures, with them."""

    low: float
    high: float
    kind: str
    figures: tuple[Figure, ...]
    reason: str = ""

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class NotPublished:
    """No figure that can be used; the reason says what would give one."""

    reason: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A target and its drafter by name, with the range of acceptance to reckon with."""

    name: str
    method: str
    target: str
    draft: str
    """The draft model's shape by name, or the head's repository; in words where it comes with the target."""
    draft_tokens: int
    acceptance: Range
    repository: str
    """What a server loads as the drafter: `model` in `--speculative-config`; "" where the target has it."""


def figures(method_name: str = "", task: str = "") -> tuple[Figure, ...]:
    """Published figures of a method and task; empty names: all."""
    found = [_figure(row) for row in _file()["figures"]]
    return tuple(one for one in found if method_name in ("", one.method) and task in ("", one.task))


def acceptance_range(method_name: str, task: str = "") -> Range | NotPublished:
    """The span of `a` over all figures of a method and task.

    Of methods that do not always draft only figures over all steps count: those over drafted steps alone
    say nothing of a gain.
    """
    one = method(method_name)
    asked = one.name
    usable = [found for found in figures(asked, task) if found.all_steps or not one.varies]
    return _span(usable) or NotPublished(
        f"No figure for {asked}{f' on {task}' if task else ''}: measure it on your own texts (ngram,"
        " suffix) or read it from the counters of a running endpoint."
    )


def tasks(method_name: str) -> tuple[str, ...]:
    """Task types of which a method has figures."""
    return tuple(sorted({one.task for one in figures(method(method_name).name)}))


@cache
def presets() -> Mapping[str, Preset]:
    """Pairs of the data file by name."""
    return MappingProxyType({row["name"]: _preset(row) for row in _file()["presets"]})


def preset(name: str) -> Preset:
    """A pair by name; UsageError names the nearest."""
    asked = name.strip().lower()
    if asked not in presets():
        hint = nearest(asked, presets()) or f"Known: {', '.join(presets())}."
        raise UsageError(f"No speculation preset is called `{name}`.", hint=hint)
    return presets()[asked]


def _span(found: Sequence[Figure]) -> Range | None:
    every = [a for one in found for a in one.acceptances()]
    if not every:
        return None
    kinds = sorted({one.kind for one in found})
    return Range(min(every), max(every), " and ".join(kinds), tuple(found))


def _preset(row: dict[str, Any]) -> Preset:
    if "assumed" in row:
        low, high = row["assumed"]
        acceptance = Range(low, high, "assumed", (), row["reason"])
    else:
        own = [one for one in figures(row["method"]) if one.target == row["target"]]
        acceptance = _span([one for one in own if one.draft == row["draft"]]) or Range(
            0, 1, "unknown", ()
        )
    built_in = METHODS[row["method"]].drafter is Drafter.LAYER
    loaded = "" if built_in else row.get("repository", row["draft"])
    return Preset(
        row["name"], row["method"], row["target"], row["draft"], row["draft_tokens"], acceptance,
        loaded,
    )  # fmt: skip


def _figure(row: dict[str, Any]) -> Figure:
    return Figure(
        row["method"], row["task"], row["target"], row["draft"],
        MappingProxyType(_lengths(row)), row["kind"], row["source"], row["published"],
        row["checked"], row.get("note", ""), row.get("all_steps", False),
        row.get("confirmed", False), row.get("read_at", ""),
    )  # fmt: skip


def _lengths(row: dict[str, Any]) -> dict[int, float]:
    """Whatever form the source gives, as acceptance lengths."""
    if "lengths" in row:
        return {int(g): float(length) for g, length in row["lengths"].items()}
    if "reported" in row:
        return {int(g): 1.0 + share * int(g) for g, share in row["reported"].items()}
    survivors = [float(one) for one in row["accepted_per_position"]]
    return {g: 1.0 + sum(survivors[:g]) for g in range(1, len(survivors) + 1)}


@cache
def _file() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    return read
