"""Electing the one replica that writes, by a Lease.

Who holds it renews it; who does not hold it takes it over once nobody has renewed it for its whole
duration, by the clock of the one who looks. The holder stops writing earlier than that: at its
renew deadline. A process that was halted for an hour finds that out before its first write. A lease
that somebody has deleted was not released: who saw its holder waits as if it were there. Whose wall
clock is not the API server's may write no dates: it lets all others go before.

Standards:
    Kubernetes "Leases", and the algorithm of client-go's leaderelection
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.resources import LEASES
from globaldns.tasks import steady_clock

logger = logging.getLogger(__name__)

NAME = "globaldns"
MAX_SKEW_SECONDS = 60.0
"""A writer's clock that is further from its API server's dates nothing."""
YIELD_SECONDS = 600.0
"""How often a holder with such a clock lets go: if nobody else is there, routes stand still for the
lease's duration, and are read again."""


_REMEDIES: dict[int, str] = {
    HTTPStatus.FORBIDDEN: "bind the roles of deploy/README.md to our service account",
    HTTPStatus.NOT_FOUND: "create our namespace",
}


class LeaseTiming(msgspec.Struct, frozen=True):
    """All in seconds."""

    duration: float = 12.0
    """How long nobody else takes a lease that is not renewed."""
    deadline: float = 8.0
    """How long its holder writes without having renewed it."""
    retry: float = 2.0
    """How often it is renewed, or looked at."""


class _Spec(msgspec.Struct, omit_defaults=True):
    holder: str | None = msgspec.field(default=None, name="holderIdentity")
    duration: int | None = msgspec.field(default=None, name="leaseDurationSeconds")
    acquired: str | None = msgspec.field(default=None, name="acquireTime")
    renewed: str | None = msgspec.field(default=None, name="renewTime")
    transitions: int | None = msgspec.field(default=None, name="leaseTransitions")


class _Lease(msgspec.Struct):
    metadata: dict[str, Any]
    """As it stands: labels are somebody's."""
    spec: _Spec = msgspec.field(default_factory=_Spec)

    @property
    def notes(self) -> dict[str, str]:
        """Its annotations."""
        return dict(self.metadata.get("annotations") or {})


_decoder = msgspec.json.Decoder(_Lease)


class Elector:
    """One candidate."""

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        identity: str,
        timing: LeaseTiming | None = None,
        steady: Callable[[], float] = steady_clock,
    ) -> None:
        self.identity = identity
        self.holder = ""
        """Who holds it, as far as is known."""
        self._client = client
        self._namespace = namespace
        self._timing = timing or LeaseTiming()
        self._steady = steady
        self._renewed: float | None = None
        """When we renewed it last; None: we do not hold it."""
        self._may_hold = False
        """Whether we have asked for it, and were not told since that somebody else has it."""
        self._observed: _Spec | None = None
        self._observed_at = steady()
        """Since when nobody has renewed it, by our clock."""
        self._yielded_at = -math.inf
        self._lasting = self._timing.duration
        """For how long it is its holder's."""
        self._notes: dict[str, str] = {}
        self.failure = ""
        """Why it could not be looked at the last time; empty: it could."""
        self.remedy = ""

    @property
    def is_leader(self) -> bool:
        """Whether we may write now."""
        renewed = self._renewed
        return renewed is not None and self._steady() < renewed + self._timing.deadline

    @property
    def notes(self) -> dict[str, str]:
        """What was noted with the lease, by whoever held it.

        What its holder changes in it goes with the next renewal.
        """
        return self._notes

    async def run(self, changed: Callable[[], None]) -> None:
        """Be a candidate for ever; ``changed`` is told when we begin or cease to be the leader."""
        was_leader = False

        def tell() -> None:
            nonlocal was_leader
            if self.is_leader != was_leader:
                was_leader = self.is_leader
                changed()

        try:
            while True:
                tell()  # we may have been halted for longer than it lasts
                await self._look()
                tell()
                await asyncio.sleep(self._timing.retry * (0.75 + random.random() / 2))  # noqa: S311
        finally:
            self._renewed = None
            tell()

    async def release(self) -> None:
        """Let somebody else have it at once, if we hold it."""
        self._renewed = None
        if not self._may_hold:
            return
        try:
            async with asyncio.timeout(self._timing.deadline / 2):
                lease = await self._get()
                if lease is not None and lease.spec.holder == self.identity:
                    lease.spec.holder = self.holder = ""
                    await self._put(lease)
            self._may_hold = False
        except (ApiError, TimeoutError) as error:
            logger.info("the lease is left to expire", extra={"reason": str(error)})

    async def _look(self) -> None:
        started = self._steady()
        try:
            async with asyncio.timeout(self._timing.deadline / 2):
                await self._try(started)
            self.failure = self.remedy = ""
        except (ApiError, TimeoutError) as error:
            if isinstance(error, ApiRefused) and error.status == HTTPStatus.CONFLICT:
                return  # somebody else was faster
            reason, self.remedy = str(error) or "no answer in time", _mend(error)
            if reason != self.failure:
                extra = {"reason": reason, "leader": self.is_leader, "fix": self.remedy}
                logger.warning("the lease cannot be looked at", extra=extra)
            self.failure = reason

    async def _try(self, started: float) -> None:
        """Renew it, take it over, or see whose it is."""
        lease = await self._get()
        if lease is None:
            lease = _Lease({"name": NAME, "namespace": self._namespace})
        else:
            self._observe(lease)
        if self.holder != self.identity and not self._is_free(started):
            return
        if self._is_to_yield(started):
            await self._yield(lease, started)
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if lease.spec.holder != self.identity:
            lease.spec.acquired = now
            lease.spec.transitions = (lease.spec.transitions or 0) + 1
        lease.spec.holder = self.identity
        lease.spec.duration = self._whole_duration
        lease.spec.renewed = now
        self._may_hold = True
        await self._put(lease)
        self.holder, self._renewed = self.identity, started

    def _observe(self, lease: _Lease) -> None:
        """See whose it is; by no date in it, but by when it was seen to change."""
        spec = lease.spec
        if spec != self._observed:
            self._observed, self._observed_at = msgspec.structs.replace(spec), self._steady()
        self.holder = spec.holder or ""
        is_usual = spec.duration in (None, self._whole_duration)
        self._lasting = self._timing.duration if is_usual else float(spec.duration or 0)
        if self.holder != self.identity or self._renewed is None:
            self._notes = lease.notes

    def _is_free(self, started: float) -> bool:
        """Whether we may take it over, which somebody else held or nobody."""
        self._may_hold = False
        if self._renewed is not None:  # that our term has ended is to be told first
            self._renewed = None
            return False
        ends = self._observed_at + (self._lasting if self.holder else 0.0)
        return started >= ends + (self._timing.duration if self._is_skewed else 0.0)

    @property
    def _is_skewed(self) -> bool:
        return abs(self._client.skew) > MAX_SKEW_SECONDS

    def _is_to_yield(self, started: float) -> bool:
        """Whether we write, and others may be better at it."""
        is_due = started >= self._yielded_at + YIELD_SECONDS
        return self._renewed is not None and self._is_skewed and is_due

    async def _yield(self, lease: _Lease, started: float) -> None:
        """Let somebody else have it; if nobody wants it, it is ours again after its duration."""
        logger.warning(
            "the lease is left to other replicas: our clock is not the API server's",
            extra={"skew_seconds": round(self._client.skew), "fix": "set this machine's clock"},
        )
        self._renewed, self._yielded_at = None, started
        lease.spec.holder = self.holder = ""
        await self._put(lease)

    @property
    def _whole_duration(self) -> int:
        return max(1, math.ceil(self._timing.duration))

    async def _get(self) -> _Lease | None:
        try:
            return _decoder.decode(await self._client.get(self._path(NAME)))
        except msgspec.MsgspecError as error:
            raise ApiError(f"an answer that is no Lease: {error}") from error
        except ApiRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def _put(self, lease: _Lease) -> None:
        body = {
            "apiVersion": f"{LEASES.group}/v1",
            "kind": LEASES.kind,
            "metadata": {**lease.metadata, "annotations": self._notes},
            "spec": lease.spec,
        }
        data = msgspec.json.encode(body)
        if lease.metadata.get("resourceVersion"):
            await self._client.send("PUT", self._path(NAME), data)
        else:
            await self._client.send("POST", self._path(), data)

    def _path(self, name: str = "") -> str:
        return LEASES.path("v1", self._namespace, name)


def _mend(error: ApiError | TimeoutError) -> str:
    """Return the remedy for a failure; empty where there is none but time."""
    if isinstance(error, TimeoutError):
        return ""
    return error.hint or _REMEDIES.get(error.status if isinstance(error, ApiRefused) else 0, "")
