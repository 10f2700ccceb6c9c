"""Requests to one API server: bytes out, bytes in, refusals as exceptions.

Standards:
    Kubernetes API Concepts    https://kubernetes.io/docs/reference/using-api/api-concepts/
    meta/v1 Status             what an API server answers with where it refuses
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
import msgspec
from kubernetes_asyncio.client import ApiClient

from globaldns import __version__
from globaldns.errors import ApiError, ApiRefused, KubeconfigError
from globaldns.kube.credentials import configure
from globaldns.kube.kubeconfig import Access
from globaldns.tasks import wall_clock

REQUEST_SECONDS = 30.0
"""A page of 500 objects takes milliseconds; a loaded server is given a while."""
CONNECT_SECONDS = 5.0
MAX_LINE_OCTETS = 16 << 20
"""An event of a watch; etcd holds objects of 1.5 MiB."""
RENEW_SECONDS = 5.0
"""How long new credentials are given before others are asked for."""
MAX_RETRY_SECONDS = 60.0
"""A server that wants to be left alone for longer is asked all the same."""

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
_AUTH = ["BearerToken"]
_SHOWN = 300
"""Characters of a server's words in a message."""

Query = Mapping[str, str]


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct):
    causes: tuple[_Cause, ...] | None = None


class _Status(msgspec.Struct):
    """meta/v1 Status, as far as it is read."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


class _Call(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: Query | None
    limits: aiohttp.ClientTimeout
    body: bytes | None = None
    content_type: str = JSON


_status_decoder = msgspec.json.Decoder(_Status)


class _Session:
    """Credentials, and the connections that are made with them."""

    def __init__(self, api: ApiClient, opened_at: float) -> None:
        self.api = api
        self.opened_at = opened_at
        self.users = 0
        """Requests under way, watches among them."""


class Client:
    """One API server, asked with credentials that are read anew when it refuses them."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._session: _Session | None = None
        self._former: set[_Session] = set()
        """Of credentials that were refused; what goes on with them, goes on."""
        self._opening = asyncio.Lock()
        self.skew = 0.0
        """Seconds by which the server's clock is ahead of ours, as it said last; whole ones."""

    async def close(self) -> None:
        """Close all connections."""
        sessions, self._session, self._former = {*self._former, self._session}, None, set()
        for session in sessions:
            if session is not None:
                await session.api.close()

    async def get(self, path: str, query: Query | None = None) -> bytes:
        """Return what a path holds.

        Raises:
            ApiRefused: the server says no.
            ApiError: there is no answer.
        """
        return await self.send("GET", path, query=query)

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        query: Query | None = None,
        content_type: str = JSON,
        seconds: float = REQUEST_SECONDS,
    ) -> bytes:
        """Return the answer to a request.

        Raises:
            ApiRefused: the server says no.
            ApiError: there is no answer; whether a change was made is not known.
        """
        limits = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_SECONDS)
        call = _Call(method, path, query, limits, body, content_type)
        async with self._request(call) as response:
            return await response.read()

    @asynccontextmanager
    async def stream(
        self, path: str, query: Query, *, idle_seconds: float
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the lines of an answer as they come; one that is silent for too long has ended.

        Where it is left before its end, its connection is cut: TLS's farewell would outlive a loop
        that ends, and nobody would close the connection then.

        Raises:
            ApiRefused: the server says no.
            ApiError: there is no answer, or no more of it.
        """
        limits = aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        async with self._request(_Call("GET", path, query, limits)) as response:
            try:
                yield _lines(response)
            finally:
                if response.connection and response.connection.transport:
                    response.connection.transport.abort()

    @asynccontextmanager
    async def _request(self, call: _Call) -> AsyncIterator[aiohttp.ClientResponse]:
        """Give the answer to a request; one that is refused for its credentials is sent again."""
        try:
            for is_last in (False, True):
                async with self._use() as session, await self._ask(session.api, call) as response:
                    is_unknown = response.status == HTTPStatus.UNAUTHORIZED
                    if is_unknown and not is_last and self._renew(session):
                        continue
                    if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                        request = f"{call.method} {call.path}"
                        raise _refusal(response, await response.read(), request)
                    yield response
                    return
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._unreachable(error) from error

    async def _ask(self, api: ApiClient, call: _Call) -> aiohttp.ClientResponse:
        headers = {
            "Accept": JSON,
            "Content-Type": call.content_type,
            "User-Agent": f"globaldns/{__version__}",
        }
        await api.update_params_for_auth(headers, [], _AUTH)
        session: aiohttp.ClientSession = api.rest_client.pool_manager
        response = await session.request(
            call.method,
            f"{api.configuration.host}{call.path}",
            params=dict(call.query or {}),
            data=call.body,
            headers=headers,
            timeout=call.limits,
            proxy=api.configuration.proxy,
            server_hostname=api.configuration.tls_server_name,
            allow_redirects=False,
        )
        self._note_date(response.headers.get("Date", ""))
        return response

    def _note_date(self, date: str) -> None:
        """Compare clocks (RFC 9110 section 6.6.1: a date has whole seconds, and is UTC's)."""
        with suppress(ValueError, OverflowError):
            said = parsedate_to_datetime(date)
            self.skew = said.replace(tzinfo=said.tzinfo or UTC).timestamp() - wall_clock()

    @asynccontextmanager
    async def _use(self) -> AsyncIterator[_Session]:
        session = await self._open()
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            if session in self._former and not session.users:
                self._former.discard(session)
                await session.api.close()

    async def _open(self) -> _Session:
        async with self._opening:
            if self._session is None:
                configuration = await configure(self.access)
                configuration.connection_pool_maxsize = 0  # each watch has one for itself
                try:
                    api = ApiClient(configuration)
                except OSError as error:
                    raise KubeconfigError(
                        f"{self.access.name} cannot be used: {error}",
                        hint="its certificates or its key are no PEM",
                    ) from error
                self._session = _Session(api, asyncio.get_running_loop().time())
            return self._session

    def _renew(self, refused: _Session) -> bool:
        """Have credentials read again; return whether it is worth while to ask with others.

        It is not where these were read a moment ago.
        """
        if refused is self._session:
            if asyncio.get_running_loop().time() < refused.opened_at + RENEW_SECONDS:
                return False
            self._former.add(refused)
            self._session = None
        return True

    def _unreachable(self, error: Exception) -> ApiError:
        host = self._session.api.configuration.host if self._session else self.access.name
        if isinstance(error, TimeoutError):
            return ApiError(f"{host} does not answer in time")
        return ApiError(f"{host} cannot be reached: {_tell(error)}")


_WORDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "its name cannot be looked up"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "no TLS is agreed on with it"),
    (
        (
            *(aiohttp.ServerDisconnectedError, aiohttp.ClientConnectionResetError),
            aiohttp.ClientPayloadError,
        ),
        "it ended the connection",
    ),
    ((aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError), "that is no URL of http or https"),
    (aiohttp.ClientHttpProxyError, "its proxy refuses that"),
    (aiohttp.ClientResponseError, "it does not speak HTTP"),
)
"""What the client library raises, in words that are always the same; the first that fits."""


def _tell(error: Exception) -> str:
    """Return why a server cannot be reached."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {_tell_certificate(error.certificate_error)}"
    words = next((words for kinds, words in _WORDS if isinstance(error, kinds)), "")
    if words:
        return words
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)[:_SHOWN] or type(error).__name__


def _tell_certificate(error: Exception) -> str:
    return str(getattr(error, "verify_message", "") or error)[:_SHOWN]


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield whole lines, however they were cut on their way; one that is cut off is none."""
    begun = bytearray()
    async for chunk in response.content.iter_any():
        more, *others = chunk.split(b"\n")
        begun += more
        for other in others:
            if begun:
                yield bytes(begun)
            begun = bytearray(other)
        if len(begun) > MAX_LINE_OCTETS:
            raise ValueError(f"an event of over {MAX_LINE_OCTETS >> 20} MiB")


def _refusal(response: aiohttp.ClientResponse, body: bytes, request: str) -> ApiRefused:
    status = parse_status(body)
    retry_after = response.headers.get("Retry-After", "")  # a date (RFC 9110 10.2.3) is no wait
    said = status.message[:_SHOWN] or response.reason or ""
    return ApiRefused(
        f"{request}: {said}",
        said=said,
        status=response.status,
        reason=status.reason,
        causes=tuple(one.reason for one in (status.details and status.details.causes) or ()),
        retry_after=min(float(retry_after), MAX_RETRY_SECONDS) if retry_after.isdecimal() else 0.0,
    )


def parse_status(body: bytes) -> _Status:
    """Return the Status of a refusal; an empty one where there is none."""
    try:
        return _status_decoder.decode(body)
    except msgspec.MsgspecError:
        return _Status(message=body[:_SHOWN].decode("utf-8", "replace").strip())
