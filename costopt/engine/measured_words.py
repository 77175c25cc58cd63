"""The sentences about what replays measured of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from costopt.engine.matched import Ratio, different
from costopt.engine.proof import Proof
from costopt.layers.base import Layer
from costopt.model.effect import LayerReport
from costopt.model.evidence import Entry, excess, runs_of

MUCH_CHANCE = 0.5
"""Answers that differ by chance, from which on the test itself is worth a warning."""
_TESTS = {
    "same_action": "same tools and arguments", "json_equal": "equal JSON", "exact": "equal text",
    "similarity": "by similarity", "judge": "by a judge",
}  # fmt: skip
_ONE_CALL = (
    "Each call was replayed from its logged context: what an agent does after another answer is not "
    "measured."
)
_RATIOS = {
    "output_ratio": "Answers have {0} times the tokens behind it",
    "input_ratio": "Requests that it changes have {0} times the projected input",
}


def replay_words(entry: Entry) -> str:
    """`replay 12 (2026-11-25)`, `replays 3 and 12 (2026-11-25)`."""
    runs = [str(r) for r in runs_of(entry)]
    day = f" ({str(entry['at'])[:10]})" if entry.get("at") else ""
    if len(runs) < 2:
        return f"replay {runs[0]}{day}" if runs else f"a replay{day}"
    return f"replays {', '.join(runs[:-1])} and {runs[-1]}{day}"


def answers_words(entry: Entry) -> str:
    """`replay 12 (2026-11-25): 3 of 50 answers differ, 1 of 40 when the same is asked twice`."""
    found = excess(entry)
    if found is None:
        return f"{replay_words(entry)}: no answers compared"
    _, answers, differ, noise, by_chance = found
    what = "cached answers" if entry.get("cached_answers") else "answers"
    floor = (
        f"{by_chance:,} of {noise:,} when the same is asked twice" if noise else "no noise floor"
    )
    return f"{replay_words(entry)}: {differ:,} of {answers:,} {what} differ, {floor}"


def basis_words(proof: Proof) -> str:
    """`measured by replay 12 (2026-11-25): 3 of 50 answers differ (...), 1 of 40 asked twice`."""
    entry = proof.entry
    what = "cached answers differ from the model's own" if proof.cached else "answers differ"
    kinds = [_TESTS[k] for k in (*entry.get("tests", ()), entry.get("test")) if k in _TESTS]
    test = f" ({', '.join(dict.fromkeys(kinds))})" if kinds else ""
    floor = "no noise floor"
    if proof.noise_answers:
        floor = f"{proof.noise_differ:,} of {proof.noise_answers:,} when the same is asked twice"
    who = "" if proof.speaks else f", of {entry.get('model')} in place of the logged models"
    who += "" if entry.get("alone", True) else ", under other layers' changes too"
    by = f"measured by {replay_words(entry)}"
    return f"{by}: {proof.differ:,} of {proof.answers:,} {what}{test}, {floor}{who}"


def assumptions(layer: Layer, said: LayerReport, proof: Proof | None) -> Iterator[str]:
    """Sentences that the replay answers go; what it takes for granted itself comes."""
    for sentence in said.assumptions:
        if proof is None or not proof.speaks or sentence not in getattr(layer, "REPLAYED", ()):
            yield sentence
    if proof is not None and proof.speaks and not proof.cached:
        yield _ONE_CALL
    if proof is not None and not proof.speaks:
        yield (
            f"The logged models are taken to answer as {proof.entry.get('model')} did in the replay; that "
            "alone verifies nothing, and its lengths only widen the interval."
        )


def proof_notes(said: LayerReport, proof: Proof) -> Iterator[str]:
    """Where the answers speak against the log, are too few, or differ by chance anyway."""
    at = f"{100 * proof.limit:.3g} %"
    if said.verified and proof.against:
        yield f"The replay speaks against it: more answers differ than by chance, above {at}."
    elif said.verified and not proof.within:
        yield (
            f"The replay's {proof.answers:,} answers are too few to hold it against {at}: that it is "
            f"verified still rests on the log ({said.risk.basis})."
        )
    if proof.chance >= MUCH_CHANCE:
        yield (
            f"{100 * proof.chance:.0f} % of the answers differ when the same is asked twice: only the "
            "others can show a change. A judge tells whether answers mean the same."
        )


def ratio_notes(ratios: Mapping[str, Ratio], entry: Entry) -> Iterator[str]:
    """Of the lengths that are counted in the dollars."""
    for name, ratio in ratios.items():
        number = f"{ratio.value:.3g} ({ratio.low:.3g} to {ratio.high:.3g})"
        if name in _RATIOS:
            said = _RATIOS[name].format(number)
            # Without an interval of its own (or of a stand-in) a ratio is 1, with its value at one end.
            alone = ratio.value == 1.0 and 1.0 in (ratio.low, ratio.high)
            use = "which only widens its interval" if alone else "and counted in its dollars"
            yield f"{said}, measured by {replay_words(entry)}{',' if alone else ''} {use}."


def other_settings(layer: Layer, said: LayerReport, entry: Entry) -> str:
    """Why what was measured of it is not used."""
    names = ", ".join(different(layer, entry, said.settings))
    which = f" ({names})" if names else ""
    words = replay_words(entry)
    return f"{words[0].upper()}{words[1:]} measured it at other settings{which}: nothing of it is used."
