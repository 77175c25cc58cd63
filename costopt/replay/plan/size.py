"""How many calls: as wished, as an interval needs, or as the budget allows at its worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from costopt.errors import UsageError
from costopt.money import show
from costopt.replay.plan.proves import NOISE_PRIOR, answers_for
from costopt.replay.plan.sample import WHOLE, Draw, Sampler
from costopt.replay.plan.sends import Send
from costopt.replay.terms import Terms

USUAL_LAYER_CALLS = 100
"""Calls a layer, where neither sample nor budget is given: half of them judge, and 50 of 50 prove 92.9 %."""
USUAL_CALLS = 400
MOST_CALLS = 5_000
"""Of a sample that only the budget bounds: 2,500 answers that judge tell a share to two points."""
LEAST_NOISE = 20


@dataclass(frozen=True)
class Chosen:
    """The draws of the plan, with all that is sent for them."""

    draws: tuple[Draw, ...]
    sends: tuple[tuple[Send, str], ...]
    """(request, stratum), in drawing order."""
    worst_pusd: int
    notes: tuple[str, ...] = ()


def choose(sampler: Sampler, terms: Terms) -> Chosen:
    """The sample. UsageError: it may cost more than the budget; the largest that fits is named."""
    budget = terms.budget_pusd
    if terms.sample is not None:
        chosen = _taken(sampler.draws(), terms, terms.sample)
        notes = _fewer(len(chosen.draws), terms.sample)
    elif terms.target_ci_pp is not None:
        chosen, notes = _for_interval(sampler, terms, terms.target_ci_pp)
    elif budget is not None:
        return _within(sampler, terms, budget)
    else:
        quota = {e.name if e else WHOLE: USUAL_LAYER_CALLS for e in sampler.strata()}
        chosen, notes = _taken(sampler.draws(quota), terms, USUAL_CALLS), ()
    if budget is not None and chosen.worst_pusd > budget:
        raise _over(sampler, terms, chosen, budget)
    return Chosen(chosen.draws, chosen.sends, chosen.worst_pusd, notes)


def noise_of(calls: int, terms: Terms) -> int:
    """Of so many calls, how many are sent unchanged once more."""
    if terms.noise_share <= 0:
        return 0
    return min(calls, max(LEAST_NOISE, ceil(terms.noise_share * calls)))


def _taken(
    draws: Iterator[Draw], terms: Terms, most: int, budget: int | None = None
) -> Chosen:  # fmt: skip
    """The longest beginning of the draws with at most so many calls that costs at most the budget."""
    kept: list[Draw] = []
    sends: list[tuple[Send, str]] = []
    worst = 0
    for draw in draws:
        if len(kept) == most:
            break
        noisy = noise_of(len(kept) + 1, terms) > noise_of(len(kept), terms)
        more: Sequence[Send] = (*draw.sends, *draw.noise) if noisy else draw.sends
        costs = sum(s.worst_pusd for s in more)
        if budget is not None and worst + costs > budget:
            break
        kept.append(draw)
        sends += [(s, WHOLE if s.aside else draw.stratum) for s in more]
        worst += costs
    return Chosen(tuple(kept), tuple(sends), worst)


def _for_interval(
    sampler: Sampler, terms: Terms, half_width_pp: float
) -> tuple[Chosen, tuple[str, ...]]:
    """Twice the answers that an interval takes, for one half of the sample writes evidence."""
    needed = answers_for(half_width_pp)
    quota = {}
    for exposed in sampler.strata():
        judged = 2 * needed
        if exposed is None:
            quota[WHOLE] = judged
            continue
        rows = sampler.open_rows(exposed)
        sole = rows & sampler.arms.sole(exposed)
        # Every second call of such a layer has other risks, too, and does not judge it.
        mixed = not sampler.arms.alone(exposed) and (rows & ~sole).any() and sole.any()
        quota[exposed.name] = 2 * judged if mixed else judged
    chosen = _taken(sampler.draws(quota), terms, sum(quota.values()))
    note = (
        f"Sized for an agreement known to ±{half_width_pp:g} points: {needed:,} answers a layer that "
        f"judge, if {NOISE_PRIOR:.0%} agree, and as many that write evidence."
    )
    return chosen, (note, *_short(chosen, quota))


def _within(sampler: Sampler, terms: Terms, budget: int) -> Chosen:
    """The largest sample that the budget allows; where nothing costs anything, the usual one."""
    first = next(sampler.draws(), None)
    if first is None:
        return Chosen((), (), 0)
    free = not any(s.worst_pusd for s in (*first.sends, *first.noise))
    chosen = _taken(sampler.draws(), terms, USUAL_CALLS if free else MOST_CALLS, budget)
    if not chosen.draws:
        one = _taken(sampler.draws(), terms, 1).worst_pusd
        raise UsageError(
            f"Not one call can be replayed for {show(budget)}: the first may cost up to {show(one, 4)}. "
            "Nothing was sent.",
            hint=f"Allow more: --budget {_round_up(one)}",
        )  # fmt: skip
    most = len(chosen.draws) == MOST_CALLS
    notes = (
        (f"The budget allows more than {MOST_CALLS:,} calls; more prove little.",) if most else ()
    )
    return Chosen(chosen.draws, chosen.sends, chosen.worst_pusd, notes)


def _over(sampler: Sampler, terms: Terms, chosen: Chosen, budget: int) -> UsageError:
    largest = _taken(sampler.draws(), terms, len(chosen.draws), budget)
    calls = len(chosen.draws)
    most, bound = show(chosen.worst_pusd), show(budget)
    if most == bound:  # rounded to the same cents, they would contradict the sentence
        most, bound = show(chosen.worst_pusd, 6), show(budget, 6)
    message = (
        f"{calls:,} {'calls' if calls != 1 else 'call'} may cost up to {most}, over "
        f"the budget of {bound}. Nothing was sent."
    )
    if not largest.draws:
        return UsageError(message, hint=f"Allow more: --budget {_round_up(chosen.worst_pusd)}")
    return UsageError(
        message,
        hint=f"The largest sample that fits: --sample {len(largest.draws)} (at worst "
        f"{show(largest.worst_pusd)}); or --budget {_round_up(chosen.worst_pusd)}",
    )


def _round_up(pusd: int) -> str:
    """Dollars that are certainly enough, in cents (below one cent: in hundredths of one)."""
    step = 10**10 if pusd >= 10**10 else 10**8
    cents = -(-pusd // step) * step
    return f"{cents / 10**12:.{2 if step == 10**10 else 4}f}"


def _fewer(found: int, wished: int) -> tuple[str, ...]:
    if found >= wished:
        return ()
    return (
        f"Only {found:,} calls that the policy touches can be sent; {wished:,} were asked for.",
    )


def _short(chosen: Chosen, quota: Mapping[str, int]) -> tuple[str, ...]:
    """Layers that the log has too few calls of."""
    out = []
    for name, wished in quota.items():
        found = sum(d.stratum == name for d in chosen.draws)
        if found < wished:
            out.append(
                f"{name or 'all calls'}: the log has only {found:,} of {wished:,} calls for that interval."
            )
    return tuple(out)
