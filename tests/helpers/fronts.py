"""What stands before a server: one who ends TLS, or one who takes an answer away."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Front", "front"]

_SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


class Authority:
    """A certificate authority of the tests, whose own certificate is at `path`."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._directory = directory
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), _name(name)
        self._key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = _builder(self._name, self._name, self._key).add_extension(self._key_id, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.add_extension(_SIGNS, critical=True).sign(self._key, hashes.SHA256())
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *hosts: str) -> tuple[Path, Path]:
        """The files of a certificate for these hosts, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [_alternative(host) for host in hosts or (name,)]
        builder = _builder(_name(name), self._name, key)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_id)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.add_extension(issuer, critical=False)
        paths = self._directory / f"{name}.pem", self._directory / f"{name}-key.pem"
        signed = certificate.sign(self._key, hashes.SHA256())
        paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        paths[1].write_bytes(key.private_bytes(pem, pkcs8, plain))
        return paths

    def context(self, name: str, *hosts: str, ask_clients: bool = False) -> ssl.SSLContext:
        """For a server with such a certificate. `ask_clients`: they must show one of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, *hosts))
        if ask_clients:
            context.load_verify_locations(self.path)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Front:
    """On `port`; behind it a server. While it is `cutting`, an answer ends the connection and is not passed on."""

    def __init__(self, behind: int, context: ssl.SSLContext | None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cutting = False
        self._behind, self._context = behind, context
        self._ended = False

    def serve(self) -> None:
        threads: list[threading.Thread] = []
        while True:
            client, _ = self._listener.accept()
            if self._ended:
                client.close()
                break
            thread = threading.Thread(target=self._carry, args=(client,))
            threads.append(thread)
            thread.start()
        self._listener.close()
        for thread in threads:
            thread.join()

    def end(self) -> None:
        self._ended = True
        socket.create_connection(("127.0.0.1", self.port)).close()

    def _carry(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(client)
            client.settimeout(5)
            if self._context is not None:
                client = stack.enter_context(self._context.wrap_socket(client, server_side=True))
            server = stack.enter_context(socket.create_connection(("127.0.0.1", self._behind)))
            while not self._ended:
                for ready in select.select([client, server], [], [], 0.1)[0]:
                    octets = _all_of(ready)
                    if not octets or (ready is server and self.cutting):
                        return
                    (client if ready is server else server).sendall(octets)


def _all_of(connection: socket.socket) -> bytes:
    """What has come, also what TLS has taken from the socket already."""
    octets = connection.recv(65_536)
    while isinstance(connection, ssl.SSLSocket) and connection.pending():
        octets += connection.recv(65_536)
    return octets


@contextlib.contextmanager
def front(behind: int, context: ssl.SSLContext | None = None) -> Iterator[Front]:
    """A front that serves on threads of its own until the block ends; with a `context`, it ends TLS."""
    found = Front(behind, context)
    thread = threading.Thread(target=found.serve)
    thread.start()
    try:
        yield found
    finally:
        found.end()
        thread.join()


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(hours=1))
    return builder.serial_number(x509.random_serial_number())
