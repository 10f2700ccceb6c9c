"""What a running server says, over its HTTP API.

Standard library only: a command that asks one question does not pay for an HTTP framework.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from globaldns.errors import ServerError, ServerUnreachable

CONNECT_SECONDS = 1.0
"""For finding out whether a server runs: it is on this machine or not at all."""
ANSWER_SECONDS = 30.0
"""A page of 5,000 services takes tens of milliseconds; a busy machine more."""
STREAM_SECONDS = 45.0
"""Three heartbeats of the event stream."""
MAX_BODY_OCTETS = 256 << 20

_HINT = "--server none reads the files instead"
_HEADERS = {"Connection": "close"}
_NOTHING: Mapping[str, str] = {}

T = TypeVar("T")

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


def reachable(address: str) -> str:
    """Return the address at which one that is listened on is reached from this machine."""
    return _WILDCARDS.get(address, address)


class Server:
    """One server's API; paths are percent-encoded already."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.host = parts.hostname or ""
        self._location = parts.netloc
        self._prefix = parts.path
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection

    def fetch(
        self,
        path: str,
        type_: type[T],
        query: Mapping[str, str] = _NOTHING,
        *,
        timeout: float = ANSWER_SECONDS,
    ) -> T:
        """Return what a path answers.

        Raises:
            ServerUnreachable: nothing answers there.
            ServerError: the server refused, with its reason; or it is something else.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            with self._open(target, timeout=timeout) as response:
                return msgspec.json.decode(response.read(MAX_BODY_OCTETS), type=type_)
        except (msgspec.DecodeError, HTTPException, OSError) as error:
            raise ServerError(
                f"{self.url}{path} is no answer of globaldns: {error}", hint=_HINT
            ) from error

    def events(self) -> Iterator[bytes]:
        """Connect, and return the data of every event until the server ends the stream.

        Raises:
            ServerUnreachable, ServerError: as ``fetch``.
        """
        connected = ExitStack()
        response = connected.enter_context(self._open("/api/v1/events", timeout=STREAM_SECONDS))
        return _read_events(response, connected)

    @contextmanager
    def _open(self, target: str, *, timeout: float) -> Iterator[HTTPResponse]:
        """Open a response that is a success."""
        with closing(self._connection(self._location, timeout=timeout)) as connection:
            try:
                connection.request("GET", f"{self._prefix}{target}", headers=_HEADERS)
                response = connection.getresponse()
            except (HTTPException, OSError) as error:
                reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise ServerUnreachable(
                    f"{self.url} does not answer: {reason.lower()}", hint=_HINT
                ) from error
            with response:
                if response.status != HTTPStatus.OK:
                    raise ServerError(_reason(response, self.url))
                yield response


def _read_events(response: HTTPResponse, connected: ExitStack) -> Iterator[bytes]:
    with connected:
        try:
            for line in response:
                if line.startswith(b"data: "):
                    yield line.removeprefix(b"data: ")
        except (HTTPException, OSError):
            return  # the same as an end: the caller lists again


def _reason(response: HTTPResponse, url: str) -> str:
    """Return why a server refused, from its problem document (RFC 9457) if it sent one."""
    try:
        problem: Any = json.loads(response.read(1 << 16))
        return str(problem["detail"])
    except (ValueError, KeyError, TypeError, HTTPException, OSError):
        return f"{url} answered {response.status} {response.reason}"
