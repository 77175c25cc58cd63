"""What a replay measured is said wherever a layer's risk or proof is, and what was not is not."""

from __future__ import annotations

import dataclasses

from costopt.report.card import Card, NotApplicable
from costopt.report.policy_words import measured_layers, proof
from costopt.report.sections import assumptions, dont, risk_savings
from tests.report.sample import result
from tests.report.test_projection_screen import projection, row, screen

MEASURED = {
    "measured": ["risk", "output_ratio"], "measured_run": 12, "basis": "measured",
    "risk": {"metric": "excess_disagreement", "value": 0.004, "ci95": [0.0, 0.019],
             "basis": "measured by replay 12 (2026-11-25): 4 of 400 answers differ"},
}  # fmt: skip
LAYERS = [
    row("window", 2.0, **MEASURED, replay="whether answers are the same"),
    row("trim_tools", 1.0, replay="whether trimmed prompts are answered alike", measured=[]),
    row("session_budget", 0.5, replay="nothing: it sends nothing", assumptions=["All is well."]),
    row("compress", 0.5, **MEASURED | {"verified": False, "measured_run": 9}),
]  # fmt: skip


def card(found: Card | NotApplicable) -> Card:
    assert isinstance(found, Card), found
    return found


def test_the_screen_names_measured_layers() -> None:
    text = " ".join("\n".join(screen(projection(LAYERS))).split())
    assert "MEASURED window: measured by replay 12 (2026-11-25): 4 of 400 answers differ" in text
    assert "UNPROVEN compress: measured by replay 12" in text and "MEASURED compress" not in text
    assert "MEASURED" not in "\n".join(screen(projection([row("window", 1.0)])))


def test_proof_and_count() -> None:
    assert [proof(r) for r in LAYERS] == [
        "verified, measured", "verified", "verified", "UNPROVEN, measured",
    ]  # fmt: skip
    assert measured_layers(projection(LAYERS)) == "2 of 4 layers measured"
    assert measured_layers(projection([row("window", 1.0)])) == ""


def test_the_cards_tell_measured_from_what_a_replay_would_measure_and_cannot() -> None:
    shown = dataclasses.replace(result(), projection=projection(LAYERS))
    assert "the risk of 2 was measured by a replay" in card(risk_savings.build(shown)).lead
    notes = card(assumptions.build(shown)).notes
    assert notes[0] == (
        "Measured by replays: 1 window: risk, output ratio (replay 12); "
        "4 compress: risk, output ratio (replay 9)."
    )
    assert notes[1].startswith("A replay would measure: 2 trim_tools: whether trimmed prompts")
    assert notes[2] == "No replay measures: 3 session_budget: it sends nothing."


def test_what_a_replay_has_left_open_is_not_told_to_replay_first() -> None:
    open_ones = [LAYERS[3], row("route", 0.5, verified=False, measured=[])]
    shown = dataclasses.replace(result(), projection=projection(open_ones))
    actions = {i.title: i.action for i in card(dont.build(shown)).items if i.mark == "UNPROVEN"}
    assert len(actions) == 2
    for title, action in actions.items():
        assert action.startswith("A replay has measured it" if "compress" in title else "Replay"), (
            title
        )
