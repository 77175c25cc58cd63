"""Embedders: unit vectors that depend on the text alone, and a graph that holds every near pair."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from costopt.accel.artifacts.embeddings import Embedded
from costopt.accel.artifacts.neighbours import joined
from costopt.accel.embed import embedder_of, normalised
from costopt.accel.embed.builtin import Builtin
from costopt.accel.embed.given import Given
from costopt.accel.embed.ngrams import ngrams
from costopt.errors import EndpointError, InputError, UsageError
from costopt.layers.parts.graph import PPM, Graph, ppm

TEXTS = (
    "How do I reset my password?", "How can I reset my password", "Cancel my order 1234",
    "", "!?", "Wie setze ich mein Passwort zurück?", "パスワードを再設定したい", "\ud800 lone",
)  # fmt: skip


def test_builtin_gives_unit_vectors_of_the_text_alone() -> None:
    made = Builtin.fitted(TEXTS)
    whole = made.embed(TEXTS)
    assert np.array_equal(whole, np.concatenate([made.embed([t]) for t in TEXTS]))
    length = np.linalg.norm(whole, axis=1)
    empty = np.array([t in ("", "!?") for t in TEXTS])
    assert np.allclose(length[~empty], 1, atol=1e-6)
    assert (whole[empty] == 0).all()


def test_builtin_is_the_same_on_every_machine() -> None:
    """A changed feature or hash changes every kept vector: then raise VERSION."""
    made = Builtin.fitted(["one two", "two three"])
    digest = hashlib.sha256(np.rint(made.embed(["one two three"]) * 1e4).astype(np.int32).tobytes())
    assert (made.version, digest.hexdigest()[:12]) == (
        "builtin-1-384-17032bb6828ff052",
        "22147209e1e9",
    )


def test_builtin_sees_what_is_nearly_the_same_text() -> None:
    made = Builtin.fitted(TEXTS)
    vectors = made.embed(TEXTS)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > 0.6 > 0.3 > far


def test_builtin_ignores_case_and_width() -> None:
    made = Builtin.fitted(TEXTS)
    a, b = made.embed(["RESET my Password", "reset ｍｙ password"])
    assert a @ b > 0.9999


def words_of(text: str) -> int:
    return int(ngrams([text]).count.sum())


def test_ngrams_by_hand() -> None:
    # `ab`: the word, and its run of 4 with both borders and the two of 3.
    assert words_of("ab") == 1 + 2 + 1
    # `ab cd`: two words, their pair, and the runs of both.
    assert words_of("ab cd") == 2 + 1 + 2 * 3
    assert words_of(" . ") == 0


def test_ngrams_do_not_cross_texts() -> None:
    one, both = ngrams(["ab"]), ngrams(["ab", "cd"])
    assert np.array_equal(one.feature, both.feature[both.text == 0])


@pytest.mark.parametrize("setting", ["nonsense", "openai:", "sentence-transformers", "bert:x"])
def test_an_unknown_embedder_says_which_there_are(setting: str) -> None:
    with pytest.raises(UsageError, match="no embedder"):
        embedder_of(setting, tuple)


# Given vectors.


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_given_vectors_by_call_id(tmp_path: Path) -> None:
    path = parquet(tmp_path / "v.parquet", id=["c1", "c2"], v=[[3.0, 4.0], [0.0, 2.0]])
    made = embedder_of(f"column:{path}/v", tuple)
    assert isinstance(made, Given)
    found = made.asked_by([["c9", "c2"], ["c1"], ["c8"]])
    assert np.allclose(found.embed(["x", "y", "z"]), np.array([[0.0, 1.0], [0.6, 0.8], [0.0, 0.0]]))
    assert "1 of 3 keys have none" in found.name


def test_given_vectors_by_text(tmp_path: Path) -> None:
    sha = hashlib.sha256(b"hello").hexdigest()
    path = parquet(tmp_path / "v.parquet", text_sha256=[sha], v=[[1.0, 0.0]])
    made = embedder_of(f"column:{path}/v", tuple)
    assert made.embed(["hello", "other"]).tolist() == [[1, 0], [0, 0]]
    with pytest.raises(InputError, match="None of 1"):
        made.embed(["other"])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"id": ["a"], "w": [[1.0]]}, "It has the columns id, w"),
        ({"key": ["a"], "v": [[1.0]]}, "It has the columns key, v"),
        ({"id": ["a", "b"], "v": [[1.0], [1.0, 2.0]]}, "not one"),
    ],
)
def test_given_vectors_that_cannot_be_used(
    tmp_path: Path, columns: dict[str, Any], words: str
) -> None:
    path = parquet(tmp_path / "v.parquet", **columns)
    with pytest.raises(InputError, match=words):
        embedder_of(f"column:{path}/v", tuple)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        embedder_of(f"column:{tmp_path}/no.parquet/v", tuple)
    with pytest.raises(InputError, match="names no column"):
        embedder_of("column:v.parquet", tuple)


# An endpoint, spoken to over a real socket.


class Server(BaseHTTPRequestHandler):
    """Answers like the embeddings API: the vector of a text is (its length, 1)."""

    asked: list[dict[str, Any]]
    fails = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append(body | {"path": self.path, "key": self.headers["authorization"]})
        rows = [{"object": "embedding", "index": i, "embedding": [float(len(t)), 1.0]}
                for i, t in enumerate(body["input"])]  # fmt: skip
        answer = {"object": "list", "data": rows[::-1], "model": body["model"],
                  "usage": {"prompt_tokens": 1, "total_tokens": 1}}  # fmt: skip
        raw = json.dumps({"error": {"message": "no such model"}} if self.fails else answer).encode()
        self.send_response(404 if self.fails else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[Server]]]:
    handler = type("Handler", (Server,), {"asked": [], "fails": False})
    http = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/v1", handler
    http.shutdown()
    http.server_close()
    thread.join()


def test_an_endpoint_is_asked_in_batches(
    server: tuple[str, type[Server]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, handler = server
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-place")
    monkeypatch.setenv("COSTOPT_EMBED_API_KEY", "sk-test")
    made = embedder_of(f"openai:tiny@{url}", tuple)
    texts = ["a" * (1 + i % 5) for i in range(300)] + [""]
    found = made.embed(texts)
    assert np.allclose(found, normalised(np.array([[len(t) or 1, 1.0] for t in texts])))
    assert [len(a["input"]) for a in handler.asked] == [256, 45]
    assert {(a["path"], a["key"], a["model"]) for a in handler.asked} == {
        ("/v1/embeddings", "Bearer sk-test", "tiny")
    }


def test_an_endpoint_that_refuses(server: tuple[str, type[Server]]) -> None:
    url, handler = server
    handler.fails = True
    with pytest.raises(EndpointError, match="no such model"):
        embedder_of(f"openai:tiny@{url}", tuple).embed(["a"])


def test_offline_asks_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--offline"):
        embedder_of("openai:tiny@http://127.0.0.1:1/v1", tuple, offline=True)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        embedder_of("openai:tiny", tuple)


def test_a_password_in_an_address_stands_in_no_name_and_no_error() -> None:
    setting = "openai:tiny@http://user:hidden@127.0.0.1:1/v1?key=hidden"
    with pytest.raises(UsageError) as offline:
        embedder_of(setting, tuple, offline=True)
    assert "hidden" not in str(vars(offline.value))
    made = embedder_of(setting, tuple)
    assert made.version == "openai-tiny@http://127.0.0.1:1/v1"


# The neighbour graph.


def plain_graph(scope: Any, vectors: Any, floor: int) -> dict[tuple[int, int], int]:
    """Every pair of one scope above the floor, one by one: the specification."""
    out = {}
    for a in range(len(scope)):
        for b in range(a):
            alike = round(float(vectors[a].astype(np.float64) @ vectors[b]) * PPM)
            if scope[a] == scope[b] and alike >= floor:
                out[b, a] = alike
    return out


def pairs_of(graph: Graph) -> dict[tuple[int, int], int]:
    source = np.repeat(np.arange(graph.n), np.diff(graph.offsets))
    found = zip(
        source.tolist(), graph.neighbour.tolist(), graph.similarity_ppm.tolist(), strict=True
    )
    return {(a, b): s for a, b, s in found if a < b}


@pytest.mark.parametrize("keys", [1, 40, 700])
def test_the_graph_holds_every_pair_above_the_floor(keys: int) -> None:
    rng = np.random.default_rng(keys)
    vectors = normalised(rng.normal(size=(keys, 4)))
    scope = rng.integers(0, 2, keys).astype(np.int32)
    floor = ppm(0.9)
    graph = joined(scope, Embedded(vectors, np.arange(keys), "given"), floor)
    plain = plain_graph(scope, vectors, floor)
    found = pairs_of(graph)
    # Floats may round a pair on the very border either way.
    assert all(
        abs(s - floor) <= 1 for p, s in (plain | found).items() if (p in plain) != (p in found)
    )
    assert all(abs(found[p] - plain[p]) <= 1 for p in found.keys() & plain.keys())
    assert not graph.raised


def test_neighbours_stand_by_falling_similarity() -> None:
    rng = np.random.default_rng(1)
    vectors = normalised(rng.normal(size=(60, 3)))
    graph = joined(np.zeros(60, np.int32), Embedded(vectors, np.arange(60), ""), ppm(0.5))
    for k in range(60):
        row = graph.similarity_ppm[graph.offsets[k] : graph.offsets[k + 1]]
        assert (np.diff(row) <= 0).all()


def test_too_many_pairs_raise_the_floor_and_keep_all_above_it() -> None:
    rng = np.random.default_rng(2)
    vectors = normalised(rng.normal(size=(600, 3)))
    embedded = Embedded(vectors, np.arange(600), "")
    scope = np.zeros(600, np.int32)
    whole, few = (joined(scope, embedded, ppm(0.0), limit) for limit in (10**9, 5_000))
    assert few.raised and few.floor_ppm > 0 and len(few.neighbour) <= 2 * 5_000
    above = {p: s for p, s in pairs_of(whole).items() if s >= few.floor_ppm}
    assert above == pairs_of(few)


def test_equal_texts_in_two_scopes_are_no_neighbours() -> None:
    vectors = np.ones((1, 1), np.float32)
    graph = joined(np.array([0, 1], np.int32), Embedded(vectors, np.zeros(2, np.int64), ""), 0)
    assert not len(graph.neighbour)


# A real neural model, made on the spot.


@pytest.mark.heavy
def test_sentence_transformers(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    folder = tiny_model(tmp_path / "tiny")
    made = embedder_of(f"sentence-transformers:{folder}", tuple, offline=True)
    vectors = made.embed(["hello world", "world hello", "", "\ud800"])
    assert vectors.shape == (4, 32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    again = embedder_of(f"sentence-transformers:{folder}", tuple)
    assert again.version == made.version
    assert np.array_equal(again.embed(["hello world"]), made.embed(["hello world"]))
    assert made.name == "sentence-transformers tiny"


@pytest.mark.heavy
def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(InputError, match="cannot be loaded"):
        embedder_of("sentence-transformers:nobody/no-such-model", tuple, offline=True)


def tiny_model(folder: Path) -> Path:
    """A random BERT of two layers with a word-piece vocabulary of letters."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    bert = folder.with_name("bert")
    bert.mkdir()
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters)]
    (bert / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab_file=str(bert / "vocab.txt")).save_pretrained(bert)
    BertModel(BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )).save_pretrained(bert)  # fmt: skip
    read = Transformer(str(bert), max_seq_length=32)
    SentenceTransformer(modules=[read, Pooling(32)], device="cpu").save(str(folder))
    return folder
