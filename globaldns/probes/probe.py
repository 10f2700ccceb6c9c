"""One probe: a TCP connection and, with a certificate, a TLS handshake."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl

from globaldns.config.values import format_duration
from globaldns.probes.board import Target

LATE_SECONDS = 0.1
"""Who is told of the end of a time by so much too late was busy, and heard nothing meanwhile."""
_OURS = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL))
"""What this machine has run out of: no gateway is dead for that (connect(2), socket(2))."""


async def probe(target: Target, tls: ssl.SSLContext | None, timeout_seconds: float) -> str | None:
    """Return why nothing answers at a target; empty: something does; None: it cannot be said.

    The handshake is one with a workload behind the gateway, which looks at the SNI and no more.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    context = tls if target.server_name else None
    try:
        async with asyncio.timeout_at(deadline):
            transport, _ = await loop.create_connection(
                asyncio.Protocol,
                target.address,
                target.gateway.port,
                ssl=context,
                server_hostname=target.server_name if context else None,
            )
    except TimeoutError:
        if loop.time() > deadline + LATE_SECONDS:
            return None
        return f"no answer within {format_duration(timeout_seconds)}"
    except OSError as error:
        if error.errno in _OURS:
            return None
        return _reason(error) + (f", for SNI {target.server_name}" if context else "")
    transport.abort()
    return ""


def _reason(error: OSError) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"TLS: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {(error.reason or 'failed').replace('_', ' ').lower()}"
        case ConnectionResetError():
            return "the connection is reset"
        case _:  # without the address that asyncio puts in front
            text = os.strerror(error.errno) if error.errno else str(error)
            return text.lower() or "it cannot be reached"
