"""TLS that is not trusted stops the run with a sentence that helps; an authority of one's own is taken."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from costopt.endpoints.client import tls
from costopt.endpoints.connection import Connection
from costopt.endpoints.openai_compatible import OpenAICompatible
from costopt.errors import UsageError
from costopt.model.exchange import Trouble
from tests.endpoints.asking import KEY, completed, one, refused
from tests.endpoints.fault_server import running

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, its key in the same file."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + cert.read_text())
    return both


def context(certificate: Path) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(certificate)
    return found


def test_a_self_signed_certificate_stops_the_run(certificate: Path) -> None:
    with running(ssl=context(certificate)) as server:
        found = refused(one(OpenAICompatible, server.url, key=KEY))
    assert found.trouble is Trouble.STOP and "not trusted" in found.message
    assert "self-signed" in found.message and "SSL_CERT_FILE" in found.hint
    assert not server.seen  # neither key nor prompt left


def test_an_authority_of_ones_own_is_taken(certificate: Path) -> None:
    with running(ssl=context(certificate)) as server:
        completed(one(OpenAICompatible, server.url, verify=str(certificate)))


def test_the_environments_authorities_are_taken(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running(ssl=context(certificate)) as server:
        completed(one(OpenAICompatible, server.url))


def test_plain_http_where_tls_is_expected_says_so() -> None:
    with running() as server:
        found = refused(one(OpenAICompatible, server.url.replace("http:", "https:")))
    assert found.trouble is Trouble.STOP and "http://" in found.hint


def test_a_file_without_certificates_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(UsageError, match="no certificates"):
        tls(Connection("https://a.example/v1", verify=str(tmp_path / "empty.pem")))
