"""Following the configuration file: on SIGHUP or when it changes, all of it or nothing.

The file is compared every second, through symbolic links: a ConfigMap mount shows a change only in
where they lead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from globaldns.admin.reports import ReloadReport
from globaldns.config.loading import inspect, restart_needed
from globaldns.config.problem import Problem
from globaldns.config.schema import Config, DnsSettings
from globaldns.config.tls import is_tls_on
from globaldns.dns.certificate import certificate_problems
from globaldns.model.claim import format_time
from globaldns.sources.scan import Stamp, stamp_of

logger = logging.getLogger(__name__)

COMPARE_SECONDS = 1.0


class Outcome(msgspec.Struct, frozen=True):
    """What reading the file again came to."""

    config: Config | None
    """What is to be obeyed from now on; None: what was in force stays."""
    report: ReloadReport


def reread(path: Path, env: Mapping[str, str], old: Config, now: int) -> Outcome:
    """Read the file again."""

    def look(config: Config) -> Iterable[Problem]:
        """Look at the certificate's files where others are named: the old ones are watched."""
        return certificate_problems(config.dns.tls, now) if config.dns.tls != old.dns.tls else ()

    loaded = inspect(path, env, look)
    new, problems = loaded.config, loaded.problems
    if new is not None and old.cluster not in new.clusters:
        reason = f"{old.cluster!r}, which is our own id until a restart, is none of them"
        problems = (Problem("$.clusters", reason, "restart to serve another cluster"),)
    if new is None or problems:
        lines = tuple(map(str, problems))
        return Outcome(None, ReloadReport(at=format_time(now), accepted=False, problems=lines))
    report = ReloadReport(
        at=format_time(now), accepted=True, restart_needed=restart_needed(old, new)
    )
    return Outcome(keep_started(old, new), report)


def keep_started(old: Config, new: Config) -> Config:
    """Return a new configuration with what only a start looks at as it was."""
    return msgspec.structs.replace(
        new,
        cluster=old.cluster,
        namespace=old.namespace,
        state=old.state,
        remote_secrets=old.remote_secrets,
        vips=msgspec.structs.replace(new.vips, ledger=old.vips.ledger),
        dns=_keep_listening(old.dns, new.dns),
        admin=old.admin,
    )


def _keep_listening(old: DnsSettings, new: DnsSettings) -> DnsSettings:
    """Return new settings with the old sockets; a certificate is for those who listen with it."""
    tls = old.tls
    if is_tls_on(old) and is_tls_on(new):
        tls = msgspec.structs.replace(new.tls, listen=old.tls.listen)
    return msgspec.structs.replace(new, listen=old.listen, tls=tls, workers=old.workers)


def log_outcome(path: Path, report: ReloadReport) -> None:
    """Say how it went: loud where nothing was taken."""
    if not report.accepted:
        for problem in report.problems:
            logger.error(
                "the configuration is not taken: the old one stays",
                extra={"file": str(path), "problem": problem},
            )
        return
    logger.info("the configuration is taken", extra={"file": str(path)})
    if report.restart_needed:
        logger.warning(
            "some changed keys need a restart: until then the old values stay",
            extra={"keys": ", ".join(report.restart_needed)},
        )


class ConfigFile:
    """The file, and whether it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wanted = asyncio.Event()
        """Set to have it read whether it has changed or not."""
        self._stamp = self._look()

    async def follow(self, reload: Callable[[], None]) -> None:
        """Call back whenever it is to be read again; for ever."""
        while True:
            try:
                async with asyncio.timeout(COMPARE_SECONDS):
                    await self.wanted.wait()
            except TimeoutError:
                if not self._has_changed():
                    continue
            self.wanted.clear()
            self._stamp = self._look()
            reload()

    def _has_changed(self) -> bool:
        """Whether there is a file, and it is another one than before."""
        stamp = self._look()
        return stamp is not None and stamp != self._stamp

    def _look(self) -> Stamp | None:
        try:
            return stamp_of(self.path.stat())
        except OSError:
            return None
