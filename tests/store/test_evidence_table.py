"""Evidence of replays: kept by settings and model, added up over runs, forgotten with the data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from costopt.errors import UsageError
from costopt.model.evidence import entries_of
from costopt.store.store import Store
from tests.store.making import ListStream, random_calls

DAY_US = 86_400_000_000
AT_US = 1_795_564_800_000_000
"""2026-11-25."""


@pytest.fixture
def store() -> Any:
    with Store.open(None) as made:
        made.ingest([ListStream(random_calls(1))], "d")
        yield made


def entry(turns: int = 8, n: int = 100, k: int = 4, **more: Any) -> dict[str, Any]:
    return {
        "settings": {"turns": turns}, "model": "m", "test": "same_action", "replayed_answers": n,
        "answers_differ": k, "noise_answers": n // 2, "noise_differ": 1, "sessions": 20,
        "ci95": [-0.02, 0.06], "output_ratio": 1.1, "output_ratio_ci95": [1.0, 1.2], "outputs": n,
        **more,
    }  # fmt: skip


def test_what_was_saved_is_read_with_its_run_and_day(store: Store) -> None:
    store.save_evidence("d", 3, AT_US, {"window": entry()})
    assert store.evidence("d") == {"window": {"run": 3, "at": "2026-11-25", **entry()}}
    assert store.evidence("another") == {}


def test_counts_of_two_runs_add_up_and_ratios_are_pooled_by_them(store: Store) -> None:
    store.save_evidence("d", 1, AT_US, {"window": entry(n=100, k=4)})
    more = entry(n=300, k=0, output_ratio=0.9, output_ratio_ci95=[0.85, 0.95], ci95=[-0.03, 0.01])
    store.save_evidence("d", 2, AT_US + DAY_US, {"window": more})
    found = store.evidence("d")["window"]
    assert (found["replayed_answers"], found["answers_differ"]) == (400, 4)
    assert (found["noise_answers"], found["noise_differ"]) == (200, 2)
    assert found["output_ratio"] == pytest.approx(0.95)
    low, high = found["output_ratio_ci95"]
    assert high - 0.95 == pytest.approx(0.25 * 0.1 + 0.75 * 0.05)
    assert 0.95 - low == pytest.approx(high - 0.95)
    assert found["ci95"][0] < 4 / 400 - 2 / 200 < found["ci95"][1]
    assert found["sessions"] == 20 and found["runs"] == [1, 2] and found["run"] == 2


def test_an_interval_that_one_run_lacks_is_none_of_both(store: Store) -> None:
    store.save_evidence("d", 1, AT_US, {"window": entry()})
    store.save_evidence("d", 2, AT_US, {"window": entry(ci95=None, output_ratio_ci95=None)})
    found = store.evidence("d")["window"]
    assert found["ci95"] is None and found["output_ratio_ci95"] is None


def test_other_settings_and_other_models_stand_beside_each_other(store: Store) -> None:
    store.save_evidence("d", 1, AT_US, {"window": entry(turns=8)})
    store.save_evidence("d", 2, AT_US, {"window": entry(turns=4)})
    store.save_evidence("d", 3, AT_US, {"window": entry(turns=4, model="other")})
    found = entries_of(store.evidence("d")["window"])
    assert [(e["settings"]["turns"], e["model"], e["run"]) for e in found] == [
        (4, "other", 3), (4, "m", 2), (8, "m", 1),
    ]  # fmt: skip
    store.save_evidence("d", 4, AT_US + DAY_US, {"window": entry(turns=8)})
    first = entries_of(store.evidence("d")["window"])[0]
    assert (first["settings"]["turns"], first["runs"], first["replayed_answers"]) == (
        8,
        [1, 4],
        200,
    )


def test_asking_the_same_calls_again_makes_nothing_surer(store: Store) -> None:
    for run in (1, 2, 3):
        store.save_evidence("d", run, AT_US, {"window": entry(k=3)}, f"plan {run}")
    found = store.evidence("d")["window"]
    assert found["output_ratio_ci95"] == pytest.approx([1.0, 1.2])
    assert found["ci95"][1] - found["ci95"][0] == pytest.approx(0.08)


def test_a_stand_in_is_not_put_together_with_the_model_itself(store: Store) -> None:
    """Both were answered by `m`: asked for by its name, and in place of another model."""
    store.save_evidence("d", 1, AT_US, {"window": entry(k=0, mapped=False)})
    store.save_evidence("d", 2, AT_US, {"window": entry(k=50, mapped=True)})
    found = entries_of(store.evidence("d")["window"])
    assert [(e["mapped"], e["answers_differ"]) for e in found] == [(True, 50), (False, 0)]


def test_a_run_and_a_plan_write_once(store: Store) -> None:
    """A run that is continued writes again; a second run of one plan asks the same calls."""
    for _ in range(2):
        store.save_evidence("d", 1, AT_US, {"window": entry()}, "plan")
    assert store.evidence("d")["window"]["replayed_answers"] == 100
    store.save_evidence("d", 2, AT_US, {"window": entry(n=50)}, "plan")
    assert store.evidence("d")["window"]["replayed_answers"] == 50
    store.save_evidence("d", 3, AT_US, {"window": entry(n=10)}, "another plan")
    assert store.evidence("d")["window"]["replayed_answers"] == 60


def test_a_layer_that_stands_twice_has_two_entries(store: Store) -> None:
    store.save_evidence("d", 1, AT_US, {"route": entry(turns=1), "route#2": entry(turns=2)})
    assert len(entries_of(store.evidence("d")["route"])) == 2
    store.save_evidence("d", 1, AT_US, {"route": [entry(turns=1), entry(turns=2)]})
    assert len(entries_of(store.evidence("d")["route"])) == 2


def test_moves_of_a_router_are_put_together_one_by_one(store: Store) -> None:
    def moved(loss: float, judged: int) -> dict[str, Any]:
        return {"quality_loss": loss, "quality_ci95": [loss - 0.02, loss + 0.02], "judged": judged}

    for number, moves in enumerate((
        {"a -> b": moved(0.0, 100), "a -> c": moved(0.1, 10)}, {"a -> b": moved(0.04, 300)},
    )):  # fmt: skip
        store.save_evidence("d", number, AT_US, {"route": {"settings": {}, "moves": moves}})
    found = store.evidence("d")["route"]["moves"]
    assert found["a -> b"]["quality_loss"] == pytest.approx(0.03)
    assert found["a -> b"]["judged"] == 400 and found["a -> c"]["judged"] == 10


def test_the_whole_log_has_one_entry(store: Store) -> None:
    def log(share: float, calls: int, served: str = "m") -> dict[str, Any]:
        gap = {"gap_s": 60.0, "calls": calls, "predicted_share": 0.5, "measured_share": share}
        model = {"served": served, "input_ratio": share, "output_ratio": 1.0, "n": calls}
        return {"*": {"cache_by_gap": [gap], "models": {"gpt": model}, "latency": {"n": calls}}}

    store.save_evidence("d", 1, AT_US, log(0.4, 10))
    store.save_evidence("d", 2, AT_US, log(0.6, 30))
    found = store.evidence("d")["*"]
    (gap,) = found["cache_by_gap"]
    assert gap["calls"] == 40 and gap["measured_share"] == pytest.approx(0.55)
    assert found["models"]["gpt"]["input_ratio"] == pytest.approx(0.55)
    assert found["latency"] == {"n": 30} and found["runs"] == [1, 2]
    store.save_evidence("d", 3, AT_US, log(0.9, 5, served="tiny"))
    assert store.evidence("d")["*"]["models"]["gpt"]["input_ratio"] == 0.9


def test_it_goes_with_its_data_set_and_stays_when_the_log_is_read_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "l.duckdb") as store:
        for name in ("d", "e"):
            store.ingest([ListStream(random_calls(1))], name)
            store.save_evidence(name, 1, AT_US, {"window": entry()})
        store.ingest([ListStream(random_calls(1))], "d")
        store.compact()
        assert store.evidence("d")["window"]["replayed_answers"] == 100
        store.remove("d")
        assert store.evidence("d") == {} and store.evidence("e")
        store.ingest([ListStream(random_calls(1))], "d")
        assert store.evidence("d") == {}


def test_what_is_unknown_or_no_json_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="no data set"):
        store.save_evidence("nothing", 1, AT_US, {"window": entry()})
    with pytest.raises(UsageError, match="no JSON"):
        store.save_evidence("d", 1, AT_US, {"window": {"settings": {}, "x": object()}})
    assert store.evidence("d") == {}
