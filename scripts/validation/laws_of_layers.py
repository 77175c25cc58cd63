"""The laws of layers on real traces: the very functions of `tests/laws`, each layer with its defaults.

Needs what the tests need. A layer that cannot be made without settings takes those of its first story.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from costopt.billing.meter import meter
from costopt.engine.evaluate import Evaluator
from costopt.engine.outcome import InProcess
from costopt.engine.policy import Policy
from costopt.engine.run import waterfall
from costopt.errors import CostoptError
from costopt.layers.base import Layer
from costopt.layers.discover import layer_class, layer_names
from costopt.model.view import View
from costopt.money import exact_sum
from costopt.prices.contract import DatedRates, PriceBook, RatePeriod, Unpriced
from costopt.wiring.request import TraceOptions
from costopt.wiring.simulating import prepare
from tests.laws import test_bills, test_composition, test_effects, test_partition, test_reports
from tests.laws.trials import Trial
from tests.layers.case import Case, cases
from validation.table import Table
from validation.windows import TRACES, traces

LAWS: tuple[Callable[[Trial], None], ...] = (
    test_bills.test_an_effect_without_edits_is_empty,
    test_bills.test_input_is_the_sum_of_its_leaves,
    test_bills.test_a_view_holds_together,
    test_bills.test_only_what_cost_something_can_save,
    test_effects.test_purity,
    test_effects.test_touches,
    test_effects.test_others_are_left_alone,
    test_effects.test_tallies_are_counts,
    test_effects.test_neutral_settings_do_nothing,
    test_partition.test_parts_do_what_the_whole_does,
    test_partition.test_bills_of_parts_sum_to_the_whole,
    test_reports.test_reports_are_sound,
    test_reports.test_parts_of_a_tally_are_reported_as_their_sum,
    test_composition.test_sweep,
    test_composition.test_scale,
)


@dataclass(frozen=True, eq=False)
class OnATrace(Trial):
    """A layer on a real trace."""

    real: Evaluator

    @property
    def evaluator(self) -> Evaluator:
        return self.real

    def fresh(self, prices: Any = None) -> Evaluator:
        """The same trace asked anew; other prices are the trace's own, doubled."""
        made, handed = self.real, self.real.handed
        book = made.prices if prices is None else Doubled(made.prices)
        return Evaluator(
            made.trace, book, made.model, builder=handed.builder, fields=handed.fields,
            evidence=handed.evidence,
        )  # fmt: skip


class Doubled:
    """A price book at twice its prices."""

    def __init__(self, book: PriceBook) -> None:
        self.book, self.as_of, self.version = book, book.as_of, book.version
        self.canonical, self.cache_rules = book.canonical, book.cache_rules

    def rates(self, provider: str, model: str, **more: str) -> DatedRates | Unpriced:
        found = self.book.rates(provider, model, **more)
        if isinstance(found, Unpriced):
            return found
        return replace(found, periods=tuple(self._period(p) for p in found.periods))

    def _period(self, period: RatePeriod) -> RatePeriod:
        tiers = tuple(
            replace(t, rates=tuple(2 * r if r > 0 else r for r in t.rates)) for t in period.tiers
        )
        search = period.web_search_pusd
        return replace(period, tiers=tiers, web_search_pusd=2 * search if search > 0 else search)


def run(folder: Path, table: Table) -> None:
    """Every layer, and all of them together, over every trace that is there."""
    for name in TRACES:
        table.title(f"Laws of layers: {name}")
        with traces(folder, name) as paths:
            options = TraceOptions(traces=[str(p) for p in paths], no_store=True, quiet=True)
            evaluator = prepare(options, Policy(layers=())).evaluator
            for layer_name in layer_names():
                broken = sorted(_broken(layer_name, evaluator))
                table.equal(f"laws that {layer_name} breaks", "none", "; ".join(broken) or "none")
            _together(table, evaluator)


def _broken(name: str, evaluator: Evaluator) -> Iterator[str]:
    """Names of the laws that do not hold, with what they say."""
    layer = _default(name)
    case = Case("defaults", layer, evaluator.trace)
    started = time.perf_counter()
    trial = OnATrace(f"{name} with its defaults", case, None, evaluator)
    for law in LAWS:
        try:
            law(trial)
        except (AssertionError, CostoptError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0]
            yield f"{law.__name__.removeprefix('test_')} ({why})"
    print(f"       {name}: {time.perf_counter() - started:.1f} s", flush=True)


def _together(table: Table, evaluator: Evaluator) -> None:
    """No layers: the recorded bill. All: steps that sum to first minus last."""
    bill = meter(View.of(evaluator.trace), evaluator.prices, at="as_of")
    recorded = exact_sum(bill.net_pusd[bill.priced])
    off = evaluator.value(()) - recorded
    table.equal("no layers, less the calls' own bill, in pico-dollars", 0, off)
    layers = tuple(_default(n) for n in layer_names())
    executor = InProcess(evaluator)
    steps = waterfall(executor, layers)
    first, last = executor.outcomes([(), layers])
    off = sum(s.step_pusd for s in steps) - (first.total_pusd - last.total_pusd)
    table.equal("steps of all layers, less first minus last, in pico-dollars", 0, off)


def _default(name: str) -> Layer:
    try:
        return layer_class(name)()
    except TypeError:
        return cases(name)[0].layer
