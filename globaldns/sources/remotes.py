"""Follows remote secrets: Secrets of our own cluster, and a directory of kubeconfigs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import MAX_OCTETS, Access
from globaldns.kube.resources import SECRETS
from globaldns.kube.watch import (
    Absent,
    Begun,
    Failed,
    Follower,
    Found,
    Listed,
    Put,
    Removed,
    Scope,
    Timing,
)
from globaldns.sources.parts import tell_failure
from globaldns.sources.secrets import (
    LABEL,
    Kubeconfig,
    Refused,
    RemoteClusters,
    RemoteSettings,
    SecretObject,
    decode_secret,
    find_clusters,
    kubeconfigs,
)
from globaldns.sources.watch import watch

logger = logging.getLogger(__name__)

_KUBECONFIG = "Kubeconfig"
RESCAN_SECONDS = 30.0
"""How often the directory is looked at anyway."""


class Remotes:
    """Knows which clusters there are remote secrets of."""

    def __init__(
        self,
        settings: RemoteSettings,
        changed: Callable[[], None],
        timing: Timing | None = None,
    ) -> None:
        self.settings = settings
        self._timing = timing or Timing()
        self.clusters = RemoteClusters({})
        self._unread: dict[str, Refused] = {}
        """Why Secrets, or a directory, cannot be read now; by their place."""
        self._changed = changed
        self._secrets: dict[str, SecretObject] | None = {} if settings.access is None else None
        """By name; None: they are not listed yet."""
        self._listing: dict[str, SecretObject] | None = None
        self._files: tuple[Kubeconfig, ...] | None = () if settings.directory is None else None

    @property
    def are_known(self) -> bool:
        """Whether all were read at least once."""
        return self._secrets is not None and self._files is not None

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What is not used, and what cannot be read now, so that it is not known at all."""
        return (*self._unread.values(), *self.clusters.refused)

    @property
    def failure(self) -> str:
        """Why not all can be read now; empty: all can."""
        return "; ".join(one.reason for one in self._unread.values())

    async def run(self) -> None:
        """Follow them for ever."""
        async with asyncio.TaskGroup() as tasks:
            if self.settings.access is not None:
                tasks.create_task(self._follow_secrets(self.settings.access))
            if self.settings.directory is not None:
                tasks.create_task(self._follow_files(self.settings.directory))
            await asyncio.Event().wait()

    async def _follow_secrets(self, access: Access) -> None:
        client = Client(access)
        scope = Scope(SECRETS, self.settings.namespace, LABEL)
        try:
            async with aclosing(Follower(client, scope, self._timing).run()) as notices:
                async for notice in notices:
                    self._take(notice)
        finally:
            await client.close()

    def _take(self, notice: object) -> None:
        match notice:
            case Begun():
                self._listing = {}
                return
            case Found(data) | Put(data):
                self._keep(decode_secret(data))
                return
            case Removed(data):
                self._drop(decode_secret(data))
            case Listed():
                self._secrets, self._listing = self._listing or {}, None
            case Failed(error):
                self._listing = None
                self._fail(self._all_secrets, *tell_failure(error))
                return
            case Absent():
                self._listing = None
                self._fail(self._all_secrets, "the API server does not know Secrets: it is none")
                return
            case _:
                self._unread.pop(self._all_secrets, None)
                return
        self._unread.pop(self._all_secrets, None)
        self._judge()

    def _keep(self, secret: SecretObject | None) -> None:
        if secret is None:
            return
        if self._listing is not None:
            self._listing[secret.metadata.name] = secret
        elif self._secrets is not None:
            self._secrets[secret.metadata.name] = secret
            self._judge()

    def _drop(self, secret: SecretObject | None) -> None:
        """Forget a Secret, which may be told in the middle of a list."""
        if secret is None:
            return
        for secrets in (self._listing, self._secrets):
            if secrets is not None:
                secrets.pop(secret.metadata.name, None)

    @property
    def _all_secrets(self) -> str:
        return f"Secret {self.settings.namespace}/*"

    def _fail(self, place: str, reason: str, hint: str = "") -> None:
        """Take note that something cannot be read: what was known of it stands."""
        unread = Refused(place, "", reason, hint)
        if self._unread.get(place) != unread:
            logger.error(
                "remote secrets cannot be read",
                extra={"place": place, "reason": reason, "fix": hint},
            )
        self._unread[place] = unread

    async def _follow_files(self, directory: Path) -> None:
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(directory, changed))
            while True:
                changed.clear()
                await self._read_files(directory)
                try:
                    async with asyncio.timeout(RESCAN_SECONDS):
                        await changed.wait()
                except TimeoutError:
                    continue

    async def _read_files(self, directory: Path) -> None:
        place = f"{_KUBECONFIG} {directory}/*"
        try:
            files = await asyncio.to_thread(_read_files, directory)
        except OSError as error:
            self._fail(
                place, (error.strerror or str(error)).lower(), "see remote_secrets.directory"
            )
            return
        self._unread.pop(place, None)
        if files != self._files:
            self._files = files
            self._judge()

    def _judge(self) -> None:
        """Say which clusters there are now, if that is news."""
        found = (*kubeconfigs((self._secrets or {}).values()), *(self._files or ()))
        former = self.clusters
        self.clusters = find_clusters(found, own=self.settings.own, may_run=self.settings.may_run)
        for refused in sorted(frozenset(self.clusters.refused) - frozenset(former.refused)):
            _log_refusal(refused)
        self._changed()


def _log_refusal(refused: Refused) -> None:
    logger.log(
        logging.INFO if refused.is_harmless else logging.WARNING,
        "a remote secret is not used",
        extra={
            "place": refused.place,
            "cluster": refused.cluster,
            "reason": refused.reason,
            "fix": refused.hint,
        },
    )


def _read_files(directory: Path) -> tuple[Kubeconfig, ...]:
    """Return the kubeconfigs of a directory.

    Raises:
        OSError: it cannot be read, or one of them.
    """
    paths = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    return tuple(_read_file(path) for path in paths if path.is_file())


def _read_file(path: Path) -> Kubeconfig:
    with path.open("rb") as file:
        data = file.read(MAX_OCTETS + 1)
    try:
        return Kubeconfig(f"{_KUBECONFIG} {path}", path.stem, data.decode())
    except UnicodeDecodeError:
        return Kubeconfig(f"{_KUBECONFIG} {path}", path.stem, None)
