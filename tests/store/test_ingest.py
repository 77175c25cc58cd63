"""The same call counts once, wherever it stands; a reading replaces its set or joins it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from costopt.errors import InputError, UsageError
from costopt.model.call import (
    Call,
    Record,
    Rejected,
    Repeat,
    Segment,
    SegmentKind,
    Skipped,
    Usage,
)
from costopt.model.request_settings import unsendable
from costopt.store.ingest import IngestSummary
from costopt.store.store import Store
from costopt.wiring.streams import streams_of
from tests.store.making import ListStream, assert_same, random_calls

CHAT = {
    "id": "chatcmpl-7Qx", "object": "chat.completion", "created": 1780000000, "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}}],
    "usage": {"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79},
}  # fmt: skip


def test_the_same_file_twice_adds_nothing() -> None:
    calls = random_calls(1)
    with Store.open(None) as store:
        first = store.ingest([ListStream(calls)], "d")
        before = store.load("d")
        again = store.ingest([ListStream(calls)], "d")
        assert first.calls == first.new_calls == again.calls > 0
        assert again.new_calls == 0
        assert_same(before, store.load("d"), ())
        twice = store.ingest([ListStream(calls), ListStream(calls)], "d")
        assert twice.calls == first.calls
        assert_same(before, store.load("d"))


def test_the_same_call_in_two_formats_is_one(tmp_path: Path) -> None:
    native = {"id": "c1", "session_id": "s", "request": {"model": "gpt-4o", "messages": []}}
    (tmp_path / "own.jsonl").write_text(json.dumps(native | {"response": CHAT}) + "\n")
    (tmp_path / "bare.jsonl").write_text(json.dumps(CHAT) + "\n")
    batch = {"id": "r", "custom_id": "x", "error": None,
             "response": {"status_code": 200, "request_id": "q", "body": CHAT}}  # fmt: skip
    (tmp_path / "batch.jsonl").write_text(json.dumps(batch) + "\n")
    with Store.open(None) as store:
        summary = store.ingest(streams_of([str(tmp_path)]), "d")
        trace = store.load("d")
    assert {f.format for f in summary.files} == {"costopt-jsonl", "openai-batch"}
    assert (summary.calls, summary.duplicates, trace.n) == (1, 2, 1)
    assert int(trace.input_tokens.sum()) == 70


@pytest.mark.parametrize("seed", range(8))
def test_readings_that_join_give_what_one_reading_gives(seed: int) -> None:
    calls = random_calls(seed, spans_have_usage=True)
    parts = [ListStream(calls[i::3], f"{i}.jsonl") for i in range(3)]
    with Store.open(None) as store:
        store.ingest(parts, "at once")
        for part in reversed(parts):
            store.ingest([part], "joined", add=True)
        assert_same(store.load("at once"), store.load("joined"))
        again = store.ingest([parts[1]], "joined", add=True)
        assert again.new_calls == 0
        assert_same(store.load("at once"), store.load("joined"))
        counts = [(f.path, f.accepted) for f in store.load("at once").files]
        assert [(f.path, f.accepted) for f in store.load("joined").files] == counts


def test_a_reading_replaces_its_set_and_no_other() -> None:
    with Store.open(None) as store:
        store.ingest([ListStream(random_calls(1))], "a")
        store.ingest([ListStream(random_calls(2))], "b")
        before = store.load("b")
        store.ingest([ListStream(random_calls(3))], "a")
        assert_same(before, store.load("b"), ())
        assert store.last_dataset() == "a"
        assert [info.name for info in store.datasets()] == ["a", "b"]


def test_what_each_file_gave_adds_up() -> None:
    call = Call("k", Usage())
    records: list[Record] = [
        call, call, Call("", Usage(), id="x"), Rejected(4, "not JSON", '{"api_key": "sk-abc"}'),
        Skipped(5, "chain"), Repeat(6),
    ]  # fmt: skip
    with Store.open(None) as store:
        (file,) = store.ingest([ListStream(records)], "d").files
        assert (file.records, file.accepted, file.rejected) == (6, 2, 1)
        assert (file.duplicates, file.skipped) == (2, 1)
        (row,) = store.rejections("d")
        assert (row.path, row.line, row.reason) == ("log.jsonl", 4, "not JSON")
        assert "sk-abc" not in row.raw


def test_a_number_that_no_column_holds_refuses_one_call() -> None:
    calls = [Call("a", Usage()), Call("b", Usage(), max_tokens=2**40, source_line=2)]
    calls.append(Call("c", Usage(), recorded_usd="1e300", source_line=3))
    with Store.open(None) as store:
        summary = store.ingest([ListStream(calls)], "d")
        assert (summary.calls, summary.rejected) == (1, 2)
        assert [r.line for r in store.rejections("d")] == [2, 3]


def test_rejections_are_told_once_however_often_a_file_is_read() -> None:
    records: list[Record] = [Call("k", Usage()), Rejected(2, "not JSON", "{")]
    with Store.open(None) as store:
        for _ in range(3):
            store.ingest([ListStream(records)], "d", add=True)
        assert len(store.rejections("d")) == 1
        grown = [*records, Call("new", Usage(), source_line=3)]
        store.ingest([ListStream(grown)], "d", add=True)
        assert len(store.rejections("d")) == 1
        assert sum(f.rejected for f in store.load("d").files) == 1


def test_what_fails_changes_nothing() -> None:
    class Broken(ListStream):
        def read(self) -> Iterator[Record]:
            yield from self.records
            raise InputError("the disk is gone")

    def refuse(summary: IngestSummary) -> None:
        raise InputError("not this one")

    with Store.open(None) as store:
        store.ingest([ListStream(random_calls(1))], "d")
        before = store.load("d")
        with pytest.raises(InputError):
            store.ingest([Broken(random_calls(2))], "d")
        with pytest.raises(InputError):
            store.ingest([ListStream(random_calls(2))], "d", accept=refuse)
        with pytest.raises(KeyboardInterrupt):
            store.ingest([ListStream(random_calls(2))], "d", interrupted)
        assert_same(before, store.load("d"), ())


def interrupted(what: str, done: int, total: int | None) -> None:
    raise KeyboardInterrupt


def test_the_sample_rate_is_kept() -> None:
    with Store.open(None) as store:
        store.ingest([ListStream(random_calls(1))], "d", sample_rate=0.1)
        assert store.load("d").sample_rate == 0.1
        assert store.datasets()[0].sample_rate == 0.1


def test_an_unknown_set_is_named_with_the_nearest() -> None:
    with Store.open(None) as store:
        store.ingest([ListStream(random_calls(1))], "traces.jsonl")
        with pytest.raises(UsageError, match=r"Did you mean `traces.jsonl`"):
            store.load("trace.jsonl")


def test_removing_and_compacting_leave_the_others_alone(tmp_path: Path) -> None:
    path = tmp_path / "l.duckdb"
    with Store.open(path) as store:
        store.ingest([ListStream(random_calls(1, 2000))], "a")
        store.ingest([ListStream(random_calls(2))], "b")
        before = store.load("b")
        store.remove("a")
        assert [info.name for info in store.datasets()] == ["b"]
        assert_same(before, store.load("b"), ())
        store.compact()
        assert_same(before, store.load("b"), ())
        assert store.texts(before).get([0, 1]) is not None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["l.duckdb"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_runs_are_noted() -> None:
    with Store.open(None) as store:
        store.record_run("audit", "d", '{"a": 1}', at_us=5)
        store.record_run("calls", "d")
        last, first = store.runs()
        assert (first.run, first.command, first.at_us, first.result) == (1, "audit", 5, '{"a": 1}')
        assert last.command == "calls" and last.at_us is not None


def test_only_the_last_result_of_a_command_on_a_set_is_kept() -> None:
    with Store.open(None) as store:
        for command, dataset, result in (
            ("audit", "a", "1"), ("audit", "b", "2"), ("gate", "a", "3"), ("audit", "a", "4"),
            ("audit", "a", None),
        ):  # fmt: skip
            store.record_run(command, dataset, result)
        assert [r.result for r in store.runs()] == [None, "4", "3", "2", None]


def test_parameters_of_requests_go_with_the_text(tmp_path: Path) -> None:
    """Read again without content: words in a schema go, unless another data set holds them."""
    path = tmp_path / "l.duckdb"
    call = replace(random_calls(1, 1)[0], settings='{"seed":1,"stop":["a secret word"]}')
    other = replace(call, key="other", settings='{"stop":["of another set"]}')
    with Store.open(path) as store:
        store.ingest([ListStream([call, other])], "d")
        store.ingest([ListStream([other])], "e")
        store.ingest([ListStream([call, other])], "d", no_content=True)
        kept = store.load("d").settings.values
        assert sorted(map(unsendable, kept))[:2] == ["", ""] and other.settings in kept
        store.compact()
        assert sorted(store.load("d").settings.values) == sorted(kept)
    assert b"a secret word" not in path.read_bytes()
    with Store.open(path) as store:
        store.ingest([ListStream([call, other])], "d")
        assert set(store.load("d").settings.values) == {"", call.settings, other.settings}
        store.remove("d")
        store.compact()
        assert store.load("e").settings.values == ("", other.settings)
    assert b"a secret word" not in path.read_bytes()


def test_reading_again_without_content_erases_what_was_kept(tmp_path: Path) -> None:
    path, secret = tmp_path / "l.duckdb", "the text that is to go"
    ours, theirs = (
        [replace(c, request=[Segment(SegmentKind.USER, f"{secret} {i % 3} {who}")], response=None)
         for i, c in enumerate(random_calls(seed, 20))]
        for seed, who in ((1, "ours"), (2, "theirs"))
    )  # fmt: skip
    with Store.open(path) as store:
        store.ingest([ListStream(ours), ListStream(theirs[:10])], "ours")
        store.record_run("audit", "ours", secret)
        store.ingest([ListStream(theirs)], "theirs")
        calls = store.load("ours").n
        summary = store.ingest([ListStream(ours), ListStream(theirs[:10])], "ours", no_content=True)
        assert (summary.calls, summary.texts_erased, summary.texts_elsewhere) == (calls, 3, 3)
        assert [r.result for r in store.runs()] == [None]
        trace = store.load("ours")
        texts = {t for t in store.texts(trace).get(range(len(trace.segments))) if t is not None}
        assert texts == {f"{secret} {i} theirs" for i in range(3)}
        store.compact()
    assert b"ours" in path.read_bytes() and f"{secret} 1 ours".encode() not in path.read_bytes()
    with Store.open(path) as store:
        store.ingest([ListStream(ours)], "ours")
        trace = store.load("ours")
        assert None not in store.texts(trace).get(range(len(trace.segments)))


def test_joining_without_content_leaves_the_texts_of_the_others() -> None:
    ours, theirs = ([replace(c, response=None, request=[Segment(SegmentKind.USER, f"{who} {i}")])
                     for i, c in enumerate(random_calls(seed, 5))]
                    for seed, who in ((1, "a"), (2, "b")))  # fmt: skip
    with Store.open(None) as store:
        store.ingest([ListStream(ours), ListStream(theirs)], "d")
        summary = store.ingest([ListStream(theirs)], "d", no_content=True, add=True)
        assert (summary.texts_erased, summary.texts_elsewhere) == (5, 0)
        trace = store.load("d")
        texts = store.texts(trace).get(range(len(trace.segments)))
        assert sorted(t for t in texts if t) == [f"a {i}" for i in range(5)]
