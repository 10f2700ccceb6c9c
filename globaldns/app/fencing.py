"""What people say of clusters by hand: words of our own cluster, kept in the state directory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from globaldns.admin.reports import FenceReport
from globaldns.errors import RequestRefused, StateError
from globaldns.model.claim import format_time
from globaldns.model.export import Origin
from globaldns.model.host import Host
from globaldns.model.view import Fence
from globaldns.registry.registry import Registry
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)

FILE = "fences.bin"
ORIGIN = Origin("Command", "", "globaldns cluster fence")
"""What stands where a ClusterFence would be named."""

Words = Mapping[str, Fence]
"""By the cluster that each is about."""
Spread = Mapping[str, str]
"""By cluster with an API server, why it does not hold a word; empty: it does."""
Write = Callable[[Fence], Awaitable[None]]
"""Has a word obeyed, here and after a restart.

Raises:
    StateError: it is not.
"""


def read_words(state: StateDirectory) -> Words:
    """Return the words that are kept.

    Raises:
        StateError: they cannot be read.
    """
    payload = state.read_checked(FILE)
    try:
        found = () if payload is None else msgspec.msgpack.decode(payload, type=tuple[Fence, ...])
    except msgspec.DecodeError as error:
        raise StateError(f"{state.path / FILE} is damaged: {error}") from None
    return {word.target: word for word in found}


def write_words(state: StateDirectory, words: Iterable[Fence]) -> None:
    """Keep these words and no others.

    Raises:
        StateError: those that were kept before stand.
    """
    state.write_checked(FILE, msgspec.msgpack.encode(tuple(words)))


class FenceFile:
    """The words of a running server; there are none where they cannot be read."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._changing = asyncio.Lock()
        self.words: Words = {}
        try:
            self.words = read_words(state)
        except StateError as error:
            logger.error(
                "fences that were set by hand are not known: their clusters count",
                extra={"reason": str(error), "fix": "globaldns cluster fence ID, again"},
            )

    async def put(self, word: Fence) -> None:
        """Keep a word instead of the one on the same cluster.

        Raises:
            StateError: the one before stands.
        """
        async with self._changing:
            await self._replace({**self.words, word.target: word})

    async def drop(self, cluster: str) -> None:
        """Keep no word on a cluster.

        Raises:
            StateError: it stands.
        """
        async with self._changing:
            left = {name: word for name, word in self.words.items() if name != cluster}
            if left != self.words:
                await self._replace(left)

    async def _replace(self, words: Words) -> None:
        await asyncio.to_thread(write_words, self._state, words.values())
        self.words = words


def decide_word(registry: Registry, cluster: str, *, fenced: bool, now: int) -> Fence:
    """Return the word that fences a cluster or ends that, newer than any that is known.

    Raises:
        RequestRefused: it would be obeyed by nobody.
    """
    views, clusters = registry.views, registry.settings.clusters
    is_left = cluster in views.fenced and not fenced  # of a cluster that was configured once
    if cluster not in clusters and not is_left:
        raise RequestRefused(
            f"{cluster!r} is no configured cluster",
            hint=f"the clusters are {', '.join(sorted(clusters))}",
        )
    if fenced and (counted := views.doubles.get(cluster)):
        raise RequestRefused(
            f"{cluster} is the same cluster as {counted}, and counts as that",
            hint=f"globaldns cluster fence {counted}; globaldns check says what {cluster} is",
        )
    if cluster in clusters and clusters[cluster].fenced and not fenced:
        raise RequestRefused(
            f"{cluster} is fenced by the configuration",
            hint=f"remove clusters.{cluster}.fenced there",
        )
    return _newest(registry, cluster, fenced=fenced, uid=views.accepted_uid(cluster), now=now)


def accept_word(registry: Registry, cluster: str, uid: str, now: int) -> Fence:
    """Return the word that takes the cluster of a UID for the one of its name since it was rebuilt.

    It is fenced as it was.
    """
    words = registry.views.fences_on(cluster)
    _, fenced = max(((word.at, word.fenced) for word in words), default=(0, False))
    return _newest(registry, cluster, fenced=fenced, uid=uid, now=now)


def _newest(registry: Registry, cluster: str, *, fenced: bool, uid: str, now: int) -> Fence:
    newest = max((word.at for word in registry.views.fences_on(cluster)), default=0)
    return Fence(cluster, fenced, max(now, newest + 1), ORIGIN, uid)


def refuse_unheld(results: Spread) -> None:
    """Make sure that a word stands anywhere, if there is any cluster with an API server.

    Raises:
        RequestRefused: none holds it.
    """
    if results and all(results.values()):
        reasons = "; ".join(f"{cluster}: {reason}" for cluster, reason in results.items())
        raise RequestRefused(
            f"no cluster holds the word: {reasons}",
            hint="apply a ClusterFence with kubectl to any cluster that answers",
        )


def report_fence(registry: Registry, word: Fence) -> FenceReport:
    """Return what a word will do once it is obeyed."""
    views, cluster = registry.views, word.target
    exports = views.cluster(cluster).exports
    return FenceReport(
        cluster=cluster,
        fenced=word.fenced,
        changed=word.fenced is not (cluster in views.fenced),
        at=format_time(word.at),
        services=len(exports),
        alone=tuple(host for host in sorted(exports) if not _has_others(registry, host, cluster)),
    )


def _has_others(registry: Registry, host: Host, cluster: str) -> bool:
    """Whether a host is exported by a cluster that counts beside this one."""
    others = tuple(one for one in registry.views.exports(host) if one.cluster != cluster)
    return bool(registry.silence.judge(host, others).exports)


async def set_fence(
    registry: Registry, cluster: str, *, fenced: bool, now: int, write: Write
) -> FenceReport:
    """Fence a cluster, or end that, and return what it did; ``write`` has the word obeyed.

    Raises:
        RequestRefused: it cannot be.
        StateError: it is not done.
    """
    word = decide_word(registry, cluster, fenced=fenced, now=now)
    report = report_fence(registry, word)
    await write(word)
    return report
