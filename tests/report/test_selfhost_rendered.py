"""The screen, the JSON and the picture of `costopt selfhost`: widths, hostile names, every verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from costopt.model.escape import width_of
from costopt.report.render.schema import schema_text
from costopt.report.render.selfhost import selfhost_screen
from costopt.report.render.selfhost_json import selfhost_json
from costopt.report.render.selfhost_png import selfhost_png
from costopt.report.render.selfhost_schema import PUBLISHED, selfhost_schema
from costopt.report.selfhost import Quality, SelfHosting
from costopt.report.selfhost_words import verdict
from tests.report.selfhosted import NEVER, fleet, gain, hosting

BAD = "\x1b\u202e\u2066\x9b\x00"


def everything() -> SelfHosting:
    return hosting(fleet(speculation=gain()), fleet("h100_sxm", 95.8))


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_lines_keep_the_width_and_names_act_on_nothing(width: int) -> None:
    lines = selfhost_screen(everything(), width, 3.2)
    text = "\n".join(lines)
    assert not set(text) & set(BAD)
    serve = next(i for i, line in enumerate(lines) if line.startswith("SERVE"))
    assert all(width_of(line) <= width for line in lines[:serve]), max(lines[:serve], key=width_of)
    assert "l4 " in text and "cannot" in text


def test_what_a_reader_needs_is_there() -> None:
    text = " ".join(" ".join(selfhost_screen(everything(), 100)).split())
    for said in (
        "Renting does not pay at this traffic", "begins to pay at 22x", "Idle 48.0 of 48.0 GPU-hours",
        "after the other layers", "UNVERIFIED", "because unverified: route; $5.00 with them",
        "is an assumption", "7 up to 11 running, then 2",
        "at 0.63 TPOT 8.2 ms", "at 0.86 no fleet keeps the level", "cannot tell 1 to 3 replicas apart",
        "from 22x at the cheapest rent", "never at the dearest rent", "count as a whole day",
    ):  # fmt: skip
        assert said in text, said


def test_slower_drafts_are_called_a_loss() -> None:
    slow = hosting(fleet(speculation=gain(tpot_ms=20.0, usd_per_day=50.0)))
    text = " ".join(" ".join(selfhost_screen(slow, 100)).split())
    assert "SLOWER" in text and "loss" in text and "MORE" in text


def test_the_verdict_follows_the_dollars() -> None:
    one = fleet()
    assert "does not pay" in verdict(hosting(one, api=3.1))
    assert "hangs on the rent" in verdict(hosting(one, api=30.0))
    assert "Renting pays" in verdict(hosting(one, api=100.0))
    assert "UNVERIFIED" in verdict(hosting(one, api=100.0))
    never = fleet(break_even=dict.fromkeys(("low", "typical", "high"), NEVER))
    assert "pays at no traffic" in verdict(hosting(never))
    assert "level is missed" in verdict(hosting(fleet(keeps_level=False)))
    assert "cannot be served" in verdict(hosting())
    proven = Quality("measured", 0.012, [0.0, 0.03], 400, "")
    assert "1.2 %" in verdict(hosting(one, api=100.0, quality=proven))


def test_the_cheapest_that_keeps_the_level_is_the_one() -> None:
    weak, strong = fleet("l4", 10.0, keeps_level=False), fleet("l40s", 20.0)
    assert hosting(weak, strong).best is strong and hosting(weak).best is weak
    assert hosting().best is None


def test_json_reads_back_and_is_the_published_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    found = everything()
    text = selfhost_json(found)
    assert text == selfhost_json(everything()) and not set(text) & set(BAD)
    document = json.loads(text)
    assert document["model"] == found.model and document["fleets"][0]["gpus"] == 2
    schema = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"bill": {}}, schema)
    assert PUBLISHED.read_text() == schema_text(selfhost_schema()), "python scripts/schema.py"


def test_the_picture_is_the_same_twice_and_none_where_nothing_crosses(tmp_path: Path) -> None:
    found = everything()
    more = 2 * found.crossing[:1]
    drawn = hosting(*found.fleets, crossing=more)
    assert selfhost_png(drawn, tmp_path / "a.png") and selfhost_png(drawn, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert not selfhost_png(hosting(), tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()
