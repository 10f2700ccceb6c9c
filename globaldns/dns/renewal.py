"""The certificate in force: looked for again and again, and taken when its files change.

The files are compared through symbolic links: a mounted Secret shows a change only in where they
lead. Connections that are open keep the certificate that they began with. While a file cannot be
used, the last good certificate stays, and the files are tried at every look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from globaldns.dns.certificate import Certificate, read_certificate
from globaldns.errors import CertificateError
from globaldns.model.claim import format_time
from globaldns.tasks import wall_clock

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""Far below what any issuer leaves between a new certificate and the end of the old one."""

Stamp = tuple[int, int, int, int]
"""What changes with a file's content: times of content and inode, size, inode."""


class Renewal:
    """Keeps the certificate of two files up to date."""

    def __init__(
        self, certificate: Path, key: Path, *, now: Callable[[], int] = wall_clock
    ) -> None:
        self.current: Certificate | None = None
        """None: there has been none that can be used."""
        self._paths = (certificate, key)
        self._now = now
        self._stamps: tuple[Stamp | None, ...] = ()
        self._failure = ""
        """Why the files cannot be used, as it was logged; empty: they can."""
        self._is_told_expired = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look now and from now on, in the running loop."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self.start)
        self.look()

    def stop(self) -> None:
        """Look no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def follow(self, certificate: Path, key: Path) -> None:
        """Take the certificate from these files from now on."""
        if self._paths != (certificate, key):
            self._paths = (certificate, key)
            self._stamps = ()
            self.look()

    def look(self) -> None:
        """Take the certificate if its files have changed or could not be used."""
        stamps = tuple(map(_stamp_of, self._paths))  # before reading: a later change is seen
        if self._failure or stamps != self._stamps:
            self._stamps = stamps
            self._take()
        self._tell_expiry()

    def _take(self) -> None:
        try:
            self.current = read_certificate(*self._paths)
        except CertificateError as error:
            self._tell_failure(error)
            return
        message = "the certificate is taken"
        if self._failure:
            message = "the certificate can be used again, and is taken"
        self._failure, self._is_told_expired = "", False
        logger.info(message, extra=self._names() | {"expires": format_time(self.current.expires)})

    def _tell_failure(self, error: CertificateError) -> None:
        if self._failure == str(error):
            return
        self._failure = str(error)
        message = "the certificate is not taken: the old one stays"
        if self.current is None:
            message = "there is no certificate: DNS over TLS is not answered"
        logger.error(
            message, extra=self._names() | {"problem": self._failure, "remedy": error.hint}
        )

    def _tell_expiry(self) -> None:
        if self.current is None or self._is_told_expired or self.current.expires >= self._now():
            return
        self._is_told_expired = True
        logger.warning(
            "the certificate has expired: clients that check it refuse it; renew it",
            extra=self._names() | {"expired": format_time(self.current.expires)},
        )

    def _names(self) -> dict[str, str]:
        certificate, key = map(str, self._paths)
        return {"certificate": certificate, "key": key}


def _stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
