"""A well-known table redone: what 10 million tokens a day cost at an API and on rented GPUs.

    python scripts/break_even.py [--tokens 10e6] [--input-share 0.8] [--day 2026-11-25] [--azure FILE]

The table gives $25-100 for GPT-4o, $1.50-6 for GPT-4o-mini, $3-8 for Llama 3.1 70B on an A100 and
$1.50-3 for Mixtral 8x7B on an A10G. A GPU is rented by the hour whether it has work or not, and a model
has to fit: this prints what the same rows come to, every assumption stated, break-even by simulation.
"""

from __future__ import annotations

import argparse
import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from costopt.model.leaf import Leaf
from costopt.money import show, usd
from costopt.prices.book import load_book
from costopt.prices.contract import Unpriced
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.arrivals_azure import azure
from costopt.serving.arrivals_scaled import scaled
from costopt.serving.break_even import BreakEven, NeverEven, Problem, break_even
from costopt.serving.deployment import Deployed, Undeployed, Wish, deploy
from costopt.serving.fleet.slo import Slo
from costopt.serving.models import shape
from costopt.serving.rents import Rents, Terms, Unrented

SLO = Slo(ttft_s=5.0, tpot_s=0.1, percentile=95.0)
APIS = ("gpt-4o", "gpt-4o-mini")
ROWS = (
    ("llama-3.1-70b", "a100", "bf16"),
    ("llama-3.1-70b", "a100", "int4"),
    ("llama-3.1-70b", "h100", "fp8"),
    ("mixtral-8x7b", "a10g", "bf16"),
    ("mixtral-8x7b", "a10g", "int4"),
)
MEAN_TOKENS = 2000
"""Of a request, prompt and answer: the table's own example call."""
PEAK_HOUR = 14.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The traffic to be priced."""

    tokens: float
    input_share: float
    seed: int = 0


def working_day(asked: Asked) -> Arrivals:
    """Requests of a working day: most in the early afternoon, a tenth of that at night."""
    rng = np.random.default_rng(asked.seed)
    n = max(round(asked.tokens / MEAN_TOKENS), 1)
    grid = np.arange(0, DAY_S, 60.0)
    hours = (grid / 3600 - PEAK_HOUR + 12) % 24 - 12
    rate = 0.1 + np.exp(-(hours**2) / (2 * 3.5**2))
    minutes = rng.choice(grid, n, p=rate / rate.sum())
    at_s = np.sort(minutes + rng.uniform(0, 60, n))
    prompt, output = (
        _lengths(rng, n, MEAN_TOKENS * share)
        for share in (asked.input_share, 1 - asked.input_share)
    )
    return Arrivals(at_s, prompt, output, np.arange(n), DAY_S)


def _lengths(rng: np.random.Generator, n: int, mean: float) -> np.ndarray:
    """Log-normal with a spread of 0.7, brought to the mean."""
    drawn = rng.lognormal(0.0, 0.7, n)
    return np.maximum(np.rint(drawn * mean / drawn.mean()), 1).astype(np.int64)


def api_pusd(model: str, arrivals: Arrivals, day: dt.date) -> int:
    """A day of this traffic at the list price, nothing cached, no batch."""
    rates = load_book(as_of=day).rates("openai", model)
    if isinstance(rates, Unpriced):
        raise SystemExit(f"no price for {model}: {rates.reason}")
    at_us = int(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC).timestamp() * 1e6)
    leaves = rates.at(at_us).tiers[0].rates
    prompt, output = arrivals.tokens
    window = prompt * leaves[Leaf.INPUT_FRESH] + output * leaves[Leaf.OUTPUT_TEXT]
    return round(Decimal(window) / Decimal(arrivals.days))


def even(found: BreakEven | NeverEven) -> str:
    """`3.1x (31M tokens/day)`."""
    if isinstance(found, NeverEven):
        return f"never: {found.reason}"
    fleet = "" if found.replicas == 1 else f", {found.replicas} replicas"
    return f"{found.multiple:.3g}x ({found.tokens_per_day / 1e6:,.0f}M tokens/day{fleet})"


def rented(
    model: str, gpu: str, bits: str, arrivals: Arrivals, rents: Rents, bills: dict[str, int]
) -> str:
    """One row of the table."""
    offer = deploy(arrivals, Wish(shape(model), gpu, precision=bits, slo=SLO), rents)
    name = f"{model}, {bits}, {gpu}"
    if isinstance(offer, Undeployed):
        return f"| {name} | - | - | - | - | {offer.reason} | |"
    cost, price = offer.cost, offer.cost.effective.blended_usd_per_mtok
    machines = f"{offer.replicas} x {offer.one.gpus} GPU"
    day = " / ".join(
        show(part) for part in (cost.day.low_pusd, cost.day.typical_pusd, cost.day.high_pusd)
    )
    evens = [_against(offer, arrivals, rents, gpu, bill) for bill in bills.values()]
    return (
        f"| {name} | {machines} | {day} | ${price:.2f} | {cost.utilisation:.1%} | "
        + " | ".join(evens)
        + " |"
    )


def _against(offer: Deployed, arrivals: Arrivals, rents: Rents, gpu: str, bill: int) -> str:
    """Break-even at the typical and at the low on-demand rent."""
    rent = rents.rent(gpu, Terms.ON_DEMAND)
    if isinstance(rent, Unrented):
        return rent.reason
    case = Problem(arrivals, offer.one, SLO, rent, bill)
    return f"{even(break_even(case))}; at the low rent {even(break_even(case, rent.low_pusd))}"


def main() -> None:
    """Print the table and what it rests on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=float, default=10e6, help="a day, prompts and answers")
    parser.add_argument("--input-share", type=float, default=0.8)
    parser.add_argument("--day", type=dt.date.fromisoformat, default=dt.date(2026, 11, 25))
    parser.add_argument(
        "--azure", type=Path, help="take these arrivals instead, scaled to --tokens"
    )
    chosen = parser.parse_args()
    arrivals = working_day(Asked(chosen.tokens, chosen.input_share))
    if chosen.azure:
        logged = azure(chosen.azure, DAY_S)
        arrivals = scaled(logged, chosen.tokens / logged.tokens_per_day)
    prompt, output = arrivals.tokens
    rents = Rents(chosen.day)
    bills = {model: api_pusd(model, arrivals, chosen.day) for model in APIS}
    print(
        f"{arrivals.n:,} requests, {prompt:,} input and {output:,} output tokens over {arrivals.days:g} day;"
    )
    print(
        f"busiest minute {arrivals.peak_per_s():.2f} requests/s. Level: p95 TTFT <= {SLO.ttft_s:g} s,"
    )
    print(
        f"p95 TPOT <= {1000 * (SLO.tpot_s or 0):g} ms. vLLM's scheduling, nothing cached, on-demand rents"
    )
    print(
        f"up to {chosen.day}, low / typical / high; GPUs are kept for all 24 hours. Another model is another"
    )
    print("answer: that these replace GPT-4o is unverified.\n")
    print(
        "| what | machines | a day | per M tokens | busy | "
        + " | ".join(f"even with {m}" for m in APIS)
        + " |"
    )
    print("|---|---|---|---|---|" + "---|" * len(APIS))
    for model, bill in bills.items():
        blended = usd(bill) * 1_000_000 / (prompt + output) * Decimal(arrivals.days)
        print(f"| {model} API | - | {show(bill)} | ${blended:.2f} | - |" + " |" * len(APIS))
    for model, gpu, bits in ROWS:
        print(rented(model, gpu, bits, arrivals, rents, bills), flush=True)


if __name__ == "__main__":
    main()
