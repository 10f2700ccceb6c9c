"""What to do after a request that failed: who waits how long, and what a person is told. Pure.

409                 somebody was faster, or has the name: look at the host again
404 of an object    it is gone: create it
403, 404, 4xx       this host waits; another may go well
429, 5xx, silence   the server is asked nothing for a while
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.model.host import Host
from globaldns.tasks import Backoff

ASIDE = Backoff(initial=1.0, maximum=300.0)
"""How long a host waits: what refuses it is mended by a person."""
PAUSE = Backoff(initial=0.5, maximum=30.0)
TERMINATING = "NamespaceTerminating"
"""The cause of a 403 that no role changes (Kubernetes' admission plugin NamespaceLifecycle)."""
_REMEDIES: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "create our namespace, and apply deploy/crds",
    HTTPStatus.UNPROCESSABLE_ENTITY: "apply deploy/crds of this version",
    HTTPStatus.BAD_REQUEST: "apply deploy/crds of this version",
}


def remedy_of(error: ApiError, roles: str) -> str:
    """Return what to do about a failure; ``roles`` are those that it takes; empty: not known."""
    if error.hint or not isinstance(error, ApiRefused):
        return error.hint
    if TERMINATING in error.causes:
        return "wait: once the deletion of the namespace is seen, its place is another"
    if error.status == HTTPStatus.FORBIDDEN:
        return f"bind roles {roles} of deploy/README.md to our account"
    return _REMEDIES.get(error.status, "")


class Setback(msgspec.Struct, frozen=True):
    """What a failure means."""

    host_seconds: float = 0.0
    """For how long its host is not tried again."""
    server_seconds: float = 0.0
    """For how long nothing is."""
    is_gone: bool = False
    """Whether the object is not there any more."""
    news: str = ""
    """What is to be told; empty: nothing, or it was told before."""
    remedy: str = ""


class Setbacks:
    """Counts failures, and knows what was told; ``roles`` are those that requests take."""

    def __init__(self, roles: str) -> None:
        self._roles = roles
        self._of_host: dict[Host, int] = {}
        self._of_server = 0
        self._told: set[tuple[int, str]] = set()

    def succeed(self, host: Host, namespace: str) -> None:
        """Take note that a request went well, and so would others in its namespace."""
        self._of_host.pop(host, None)
        self._of_server = 0
        over = ("", namespace)
        self._told = {kind for kind in self._told if kind[1] not in over}

    def fail(
        self, host: Host, namespace: str, error: ApiError, *, was_there: bool, chance: float
    ) -> Setback:
        """Take note of a failure; return what it means.

        ``was_there``: the request was about an object that was there when it was seen last.
        """
        status = error.status if isinstance(error, ApiRefused) else 0
        if status == HTTPStatus.CONFLICT:
            return Setback(host_seconds=self._wait(host, chance))
        if status == HTTPStatus.NOT_FOUND and was_there:
            return Setback(is_gone=True)
        if _is_of_server(status):
            self._of_server += 1
            asked = error.retry_after if isinstance(error, ApiRefused) else 0.0
            seconds = max(asked, PAUSE.delay(self._of_server, chance))
            return Setback(server_seconds=seconds, news=self._tell(0, "", error))
        news = self._tell(status, namespace, error)
        remedy = remedy_of(error, self._roles)
        return Setback(host_seconds=self._wait(host, chance), news=news, remedy=remedy)

    def _wait(self, host: Host, chance: float) -> float:
        self._of_host[host] = self._of_host.get(host, 0) + 1
        return ASIDE.delay(self._of_host[host], chance)

    def _tell(self, status: int, namespace: str, error: ApiError) -> str:
        """Return what is to be told of a failure of a kind that was not told yet."""
        kind = (status, namespace)
        if kind in self._told:
            return ""
        self._told.add(kind)
        return str(error)


def _is_of_server(status: int) -> bool:
    """Whether every other request would have failed too."""
    return status in (0, HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS) or (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
