"""Certificates and server names of the guarded clients: those of the host, though an address is connected to."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agent_tools import guarded_http
from tests.unit.agent_tools.guarded import HERE, Get, both


def certificate(name: str, folder: Path) -> tuple[Path, Path]:
    """A certificate of this name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


@contextmanager
def tls_server(public: Path, private: Path, names: list[str | None]) -> Iterator[int]:
    """Answers each connection once; gives its port, and keeps the server names that clients ask for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(5)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    host = next(line for line in secured.recv(4096).split(b"\r\n") if line.lower().startswith(b"host"))
                    secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(host), host))
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()
        listening.close()


@both
def test_the_certificate_must_be_that_of_the_host_although_the_connection_goes_to_an_address(
    get: Get, tmp_path: Path
) -> None:
    public, private = certificate("good.example", tmp_path)
    trusting = ssl.create_default_context(cafile=str(public))
    names: list[str | None] = []

    def lookup(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    with tls_server(public, private, names) as port:
        answer = get(f"https://good.example:{port}/", lookup=lookup, verify=trusting)
        assert answer.text.lower() == f"host: good.example:{port}"
        with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
            get(f"https://other.example:{port}/", lookup=lookup, verify=trusting)
        with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
            get(f"https://127.0.0.1:{port}/", verify=trusting)
        with pytest.raises(httpx2.ConnectError, match=r"(?i)certificate"):
            get(f"https://good.example:{port}/", lookup=lookup)
    assert names[:2] == ["good.example", "other.example"]


def test_hosts_of_one_address_do_not_share_a_secured_connection(tmp_path: Path) -> None:
    public, private = certificate("good.example", tmp_path)
    names: list[str | None] = []
    with (
        tls_server(public, private, names) as port,
        guarded_http.client(
            HERE,
            seconds=5,
            max_response_bytes=1000,
            lookup=lambda _host, _port: ["127.0.0.1"],
            verify=ssl.create_default_context(cafile=str(public)),
        ) as client,
    ):
        assert client.get(f"https://good.example:{port}/").status_code == 200
        with pytest.raises(httpx2.ConnectError):
            client.get(f"https://other.example:{port}/")
