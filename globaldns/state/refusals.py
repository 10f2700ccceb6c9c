"""What the system refuses in the state directory, with its remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from globaldns.errors import StateError

_ELSEWHERE = "set another directory with the key state"
_UNWRITABLE = f"make it writable for this user, or {_ELSEWHERE}"

REMEDIES = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space in that quota",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: _UNWRITABLE,
    errno.EACCES: _UNWRITABLE,
    errno.EPERM: _UNWRITABLE,
    errno.ENOTDIR: _ELSEWHERE,
    errno.EEXIST: _ELSEWHERE,
    errno.ENAMETOOLONG: _ELSEWHERE,
    errno.ENOLCK: f"that file system has no locks: {_ELSEWHERE}",
    errno.EIO: "look at the disk: the kernel log says more",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system refuses into a StateError with the path and a remedy."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = REMEDIES.get(error.errno or 0, "")
        raise StateError(f"{error.filename or path}: {reason}", hint=hint) from error
