"""The layer `compress`; its page is the docstring of the class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from costopt.billing.view_tokens import resized
from costopt.layers.base import Artifacts, ArtifactSpec, Partition
from costopt.layers.parts.compress_report import SAME_STEPS, compress_report
from costopt.layers.parts.compressed import Compressed
from costopt.layers.parts.paid import paid_pusd
from costopt.layers.parts.prose_uses import ProseUses, prose_uses
from costopt.layers.parts.reach_back import reach_back
from costopt.layers.parts.reached import reach_tally
from costopt.layers.parts.requests import replaced
from costopt.layers.parts.turns import editable
from costopt.layers.settings import Patterns, matching
from costopt.model.effect import Effect, Fee, LayerReport
from costopt.model.leaf import INPUT
from costopt.model.made import Made
from costopt.model.trace import Ragged
from costopt.model.view import Column, View
from costopt.money import PICO_PER_USD, exact_sum
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
USD_PER_HOUR = {"cpu": 0.0816, "cuda": 1.006, "mps": 0.0816}
"""AWS on demand, us-east-1, June 2026: m7g.large (two cores), g5.xlarge (one A10G); a Mac is taken as the
first. https://www.factualminds.com/blog/amazon-ec2-on-demand-pricing-instance-families-2026/, checked
2026-11-25."""
_SECONDS = 3600
_MICRO = 1_000_000


@dataclass(frozen=True)
class Compress:
    """Shorten the prose of long prompts with a small model before the large one reads it.

    ## Where the money goes
    Instructions and documents are written for people: a small model can leave out words that a large one
    does not need. The long text is paid for with every call that carries it.

    ## What can go wrong
    What is left out may have mattered; no log can show it, so the saving is never verified without a
    replay. The provider's prompt cache may have served the same text at a tenth of the price: then there
    is a tenth to win. And a prompt cut below the provider's minimum is no longer cached at all.

    ## How it is simulated
    In system prompts, context blocks of the user and tool results of at least `min_tokens`, the prose is
    compressed, each distinct text once; code, JSON, tags, addresses, tables, tool schemas, tool calls
    and the last user message stay as they are. What was a last user message stays so in all later calls of
    its session, and what was compressed once is the same bytes in all of them, so that no cached prefix
    is lost. Tokens are recounted with each call's own tokenizer. The compressor's time is charged where
    a text first enters.

    With a `model` (a folder or a hub name) the compressor is really run: ratio and speed are measured,
    once for each text, and kept with it for the next run.
    Without, the prose is taken to shrink to `rate`: assumed, and labelled so. Then look at
    `compressible_share_of_bill`, which is what all of it costs at the price really paid, behind the cache;
    and at `break_even_rate`: only a compressor that keeps less than that share of the prose earns its
    compute and what the cache loses.

    ## What a replay measures
    Compressed prompts are sent beside the originals: answers compared beside the noise floor, input tokens
    and the length of the answers measured (a model may write more over a compressed prompt). Only what was
    really compressed can be sent: without a `model` there is no text, and nothing is measured.

    ## Sources
    LLMLingua-2 https://arxiv.org/abs/2403.12968, LLMLingua https://arxiv.org/abs/2310.05736, Selective
    Context https://arxiv.org/abs/2310.06201. Compressors can be slower than what they save and miss their
    rate: https://arxiv.org/abs/2604.02985. 31 TFLOP/s in float32 of an A10, near twin of the A10G:
    https://sysrqmts.com/ru/gpus/compare/nvidia-a10-pcie-vs-nvidia-quadro-rtx-4000 (all checked 2026-11-25).
    """

    method: Literal["auto", "llmlingua2", "llmlingua", "selective_context", "assumed"] = "auto"
    """Compressor; `auto`: the one that the model is made for. Without a model: `assumed`."""
    model: str = ""
    """Folder or hub name of its model; a token classifier for `llmlingua2`, else a causal model.
    Empty: nothing is run, `rate` is assumed."""
    rate: Annotated[float, Field(gt=0, le=1)] = 0.33
    """Share of the prose's tokens to keep; 1: all of it, which does nothing."""
    min_tokens: Annotated[int, Field(ge=1)] = 500
    """Shortest text that is compressed, in tokens of the call's own model."""
    kinds: tuple[Literal["system", "user", "assistant", "tool_result"], ...] = (
        "system",
        "user",
        "tool_result",
    )
    """What is compressed: system prompts, context blocks of the user, results of tools, answers."""
    user_messages: bool = False
    """Agents without tool calls send results as user messages: take those behind an answer for results,
    too. Not for chats, where a person writes them."""
    keep_numbers: bool = False
    """Leave every word with a digit as it is; what stands between them must still be a sentence."""
    match: Patterns = ()
    """Calls in which it works, `{agent: [planner]}`; empty: all."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where the compressor runs."""
    usd_per_hour: Annotated[float, Field(ge=0)] | None = None
    """Price of the machine that compresses. null: $1.006 with a GPU or where nothing is run (AWS
    g5.xlarge), $0.0816 on a CPU (m7g.large)."""
    tokens_per_second: Annotated[float, Field(gt=0)] = 5000.0
    """Where nothing is run: speed of the compressor. 0.6 GFLOP a token of an encoder of 303 M weights
    (24 layers of 1,024: XLM-RoBERTa large), at a tenth of the 31 TFLOP/s of an A10: assumed."""
    max_answers_differ: Annotated[float, Field(ge=0, le=1)] = 0.05
    """The saving counts as verified where a replay bounds the share of other answers below this."""

    partition: ClassVar[Partition] = Partition.WHOLE
    """A text is compressed once for all sessions."""
    needs: ClassVar[tuple[str, ...]] = ("compressible", "compressed")
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"rate": 1.0}
    LIMIT: ClassVar[str] = "max_answers_differ"
    UNSENT: ClassVar[tuple[str, ...]] = (
        "max_answers_differ", "usd_per_hour", "tokens_per_second", "device",
    )  # fmt: skip
    REPLAYED: ClassVar[tuple[str, ...]] = (SAME_STEPS,)

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Long prose by short prose, the same bytes wherever it stands."""
        rows = matching(view, self.match, artifacts) & editable(view, prices)
        if self.rate >= 1 or not rows.any():
            return Effect()
        found, blind = prose_uses(
            view,
            rows,
            self.kinds,
            self.min_tokens,
            self.user_messages,
            self.keep_numbers,
            artifacts,
        )
        tally = self._looked_at(found) | {"calls_without_text": blind}
        found = found.where(found.share_of_use > 0)
        if not len(found.use):
            return Effect(tally=tally)
        run = self._run(found, view, artifacts) if self.runs else None
        after = self._tokens_after(found, view, run)
        made, request = self._edited(found, after, view, run)
        return self._effect(found, after, made, request, tally, view, artifacts, run)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Ratio and speed, measured or assumed; the risk is a replay's to measure."""
        return compress_report(self, tally, detail)

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """Where nothing is run: from no gain at all; the speed an order of magnitude either way."""
        if self.runs:
            return {}
        speed = self.tokens_per_second
        return {"rate": (self.rate, 1.0), "tokens_per_second": (speed / 10, speed * 10)}

    @property
    def runs(self) -> bool:
        """A compressor is really run."""
        return self.method != "assumed" and bool(self.model)

    @property
    def hourly_usd(self) -> float:
        """Of the machine that compresses."""
        if self.usd_per_hour is not None:
            return self.usd_per_hour
        return USD_PER_HOUR[self.device if self.runs else "cuda"]

    def _looked_at(self, found: ProseUses) -> dict[str, int]:
        """Tokens of the distinct texts, and of their prose: each text by the model that sent it first."""
        first = _firsts(found)
        tokens = found.tokens[first]
        prose = np.rint(tokens * found.share_of_use[first]).astype(np.int64)
        return {
            "texts": len(first),
            "text_tokens": int(tokens.sum()),
            "prose_tokens": int(prose.sum()),
        }

    def _run(self, found: ProseUses, view: View, artifacts: Artifacts) -> Compressed:
        setting = (
            ("method", self.method), ("model", self.model), ("device", self.device),
            ("rate", self.rate), ("keep_numbers", self.keep_numbers),
            ("segments", found.segment.tobytes()),
        )  # fmt: skip
        made: Compressed = artifacts.build(ArtifactSpec("compressed", setting), view)
        return made

    def _tokens_after(self, found: ProseUses, view: View, run: Compressed | None) -> Int:  # [use]
        """Never more than before: a text that got no shorter is sent as it is."""
        ratio = 1 - found.share_of_use * (1 - self.rate)
        if run is not None:
            model = view.model.codes[found.call]
            for code in np.unique(model).tolist():
                mine = model == code
                ratio[mine] = run.ratio(view.model.values[code])[found.of_use[mine]]
        after = np.rint(found.tokens * ratio).astype(np.int64)
        return np.asarray(np.minimum(after, found.tokens))

    def _edited(
        self, found: ProseUses, after: Int, view: View, run: Compressed | None
    ) -> tuple[Made, Ragged]:
        """(the view's made segments with the short texts, requests that use them)."""
        shorter = after < found.tokens
        if not shorter.any():
            return view.made, view.request
        pairs = np.stack((found.of_use, found.tokens, after), axis=1)[shorter]
        distinct, which = np.unique(pairs, axis=0, return_inverse=True)
        which, source = which.reshape(-1), found.segment[distinct[:, 0]]
        table, none = view.segments, np.zeros(len(distinct), np.int64)
        made, ids = view.made.added(
            kind=table.kind[source], name=table.name.codes[source], tokens=distinct[:, 2],
            source=source, head=none, tail=none, whole=distinct[:, 1],
            mark=f"compress {self.method} {self.model} {self.rate:g} {self.keep_numbers}",
            text=None if run is None else [run.texts[i] for i in distinct[:, 0].tolist()],
        )  # fmt: skip
        new = view.request.ids.copy()
        new[found.use[shorter]] = ids[which]
        return made, replaced(view, new)

    def _effect(
        self, found: ProseUses, after: Int, made: Made, request: Ragged, tally: dict[str, int],
        view: View, artifacts: Artifacts, run: Compressed | None,
    ) -> Effect:  # fmt: skip
        touched = np.zeros(view.trace.n, np.bool_)
        touched[found.call[after < found.tokens]] = True
        first = _firsts(found)
        seconds = self._seconds(found, first, run)
        pusd = np.rint(seconds * (self.hourly_usd / _SECONDS * PICO_PER_USD)).astype(np.int64)
        fee = Fee("compression", found.call[first], pusd, self._fee_source)
        edited = view.edited(request=request, made=made)
        tally |= {
            "segments": len(first), "tokens_before": int(found.tokens[first].sum()),
            "tokens_after": int(after[first].sum()), "micros": int(np.rint(seconds * _MICRO).sum()),
            "fee_pusd": int(exact_sum(pusd)), "refused": 0 if run is None else int(run.refused.sum()),
        } | self._dollars(found, after, edited, view, artifacts)  # fmt: skip
        if run is not None:
            looked = reach_back(view.edited(made=made), request, np.flatnonzero(touched), artifacts)
            tally |= {
                f"seen_{k}": v for k, v in reach_tally(view, int(touched.sum()), looked).items()
            }
        columns: dict[Column, Any] = {}
        if touched.any():
            columns = {Column.REQUEST: request, Column.MADE: made}
        return Effect(
            columns, touched, touched, (), (fee,) if pusd.any() else (), tally,
            self._detail(artifacts, run),
        )  # fmt: skip

    def _seconds(self, found: ProseUses, first: Int, run: Compressed | None) -> NDArray[np.float64]:
        """[segment] of the compressor's time."""
        if run is not None:
            return run.seconds
        return np.asarray(found.tokens[first] * found.share / self.tokens_per_second)

    def _dollars(
        self, found: ProseUses, after: Int, edited: View, view: View, artifacts: Artifacts
    ) -> dict[str, int]:
        """What the prose costs at the price paid, and the bill with all of the cut and with half of it:
        a cache has steps and a minimum, so neither alone says where compressing begins to pay."""
        paid = paid_pusd(view, found.use, artifacts)
        half = (found.tokens + after + 1) // 2
        made, request = self._edited(found, half, view, None)
        now, removed = _billed(view, edited, artifacts)
        between, _ = _billed(view, view.edited(request=request, made=made), artifacts)
        return {
            "bill_pusd": _bill(view, artifacts), "after_pusd": now, "half_pusd": between,
            "prose_pusd": int((paid * found.share_of_use).sum()),
            "cut_pusd": int((paid * (1 - after / found.tokens)).sum()),
            "half_cut_pusd": int((paid * (1 - half / found.tokens)).sum()),
            "tokens_removed": removed,
        }  # fmt: skip

    @property
    def _fee_source(self) -> str:
        if self.usd_per_hour is not None:
            return "usd_per_hour of the policy"
        return f"${self.hourly_usd:g} an hour, AWS on demand (usd_per_hour of the policy)"

    def _detail(self, artifacts: Artifacts, run: Compressed | None) -> dict[str, Any]:
        out: dict[str, Any] = {} if run is None else {"method": run.method, "model": run.name}
        measured = artifacts.measured("compress")
        return out | {
            k: measured[k] for k in ("replayed_answers", "answers_differ") if k in measured
        }


def _firsts(found: ProseUses) -> Int:  # [segment]
    """The first use of each segment: calls are in time order."""
    return np.asarray(np.unique(found.of_use, return_index=True)[1])


def _billed(view: View, edited: View, artifacts: Artifacts) -> tuple[int, int]:
    """(the bill of the edited view, input tokens taken out)."""
    leaves = resized(view, edited, artifacts.hidden(view), artifacts.tokens(edited))
    removed = view.leaves[:, INPUT].sum() - leaves[:, INPUT].sum()
    return _bill(edited.edited(leaves=leaves), artifacts), max(0, int(removed))


def _bill(view: View, artifacts: Artifacts) -> int:
    bill = artifacts.bill(view)
    return int(exact_sum(bill.net_pusd[bill.priced]))
