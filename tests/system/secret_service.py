"""The node agent's sockets: each Envoy's certificate, key and root, by which a mesh knows it.

A program: ``python secret_service.py FOLDER...`` listens at ``sds.sock`` in each folder, and serves
the files that stand beside it. Messages are read and written by hand: of all of Envoy's types these
few fields are needed, and each is text or a message.

Standards:
    Envoy ``envoy.service.secret.v3``, ``envoy.extensions.transport_sockets.tls.v3.Secret``
    Istio security/pkg/nodeagent/sds: the secrets are called ``default`` and ``ROOTCA``
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

SOCKET = "sds.sock"
CHAIN, KEY, ROOT = "chain.pem", "key.pem", "root.pem"
SECRET_TYPE = b"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
_ASKED_AT_ONCE = 32
"""Streams of one Envoy: each keeps a thread, and there is one for each secret of each client."""


def serve(folder: Path) -> grpc.Server:
    """Start to listen in a folder."""

    def stream(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        """Answer the first question of a stream; those after it say that the answer is taken."""
        for number, request in enumerate(requests):
            if number == 0:
                yield answer(folder, [text for key, text in decode(request) if key == 3])

    method = grpc.stream_stream_rpc_method_handler(stream)
    service = "envoy.service.secret.v3.SecretDiscoveryService"
    server = grpc.server(ThreadPoolExecutor(_ASKED_AT_ONCE))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"StreamSecrets": method}),)
    )
    server.add_insecure_port(f"unix:{folder / SOCKET}")
    server.start()
    return server


def answer(folder: Path, names: list[bytes]) -> bytes:
    """Return a DiscoveryResponse with secrets."""
    resources = (field(1, SECRET_TYPE) + field(2, secret(folder, name)) for name in names)
    return (
        field(1, b"1") + b"".join(field(2, each) for each in resources) + field(4, SECRET_TYPE)
    ) + field(5, b"1")


def secret(folder: Path, name: bytes) -> bytes:
    """Return one Secret: its name, and a certificate with its key, or what is believed."""
    if name == b"default":
        pair = field(1, source(folder / CHAIN)) + field(2, source(folder / KEY))
        return field(1, name) + field(2, pair)
    return field(1, name) + field(4, field(1, source(folder / ROOT)))


def source(file: Path) -> bytes:
    """Return a DataSource with a file's contents."""
    return field(2, file.read_bytes())


def field(number: int, value: bytes) -> bytes:
    """Return a field of text or of a message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    """Return a number, seven bits an octet, the lowest first."""
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*octets, number))


def decode(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a message that has nothing but text and messages."""
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        size, at = read_varint(message, at)
        yield key >> 3, message[at : at + size]
        at += size


def read_varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place after it."""
    number = shift = 0
    while message[at] > 0x7F:
        number |= (message[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | message[at] << shift, at + 1


def main() -> None:
    """Serve until told to end."""
    servers = [serve(Path(folder)) for folder in sys.argv[1:]]
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    for server in servers:
        server.stop(None)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
