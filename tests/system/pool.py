"""API servers that run on from test to test: to start one takes seconds, to wipe it no time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.system.api_servers import ADMIN, ApiServer, start_all

MOST = 3
"""How many run while nobody has them: as many as a mesh of tests has clusters."""


class Pool:
    """Clusters that nobody has now; whoever gets one finds it as new."""

    def __init__(self, make_folder: Callable[[], Path]) -> None:
        self._make_folder = make_folder
        self._idle: list[ApiServer] = []

    @contextmanager
    def lending(self) -> Iterator[Callable[..., list[ApiServer]]]:
        """Give a maker of clusters, ready; all that it made are taken back in the end."""
        lent: list[ApiServer] = []

        def make(count: int = 1, users: Mapping[str, Iterable[str]] = {}) -> list[ApiServer]:
            wanted = {name: [*groups] for name, groups in {**ADMIN, **users}.items()}
            made = [self._take(wanted) for _ in range(count)]
            try:
                start_all(made)
                for server in made:
                    server.wipe()
            except BaseException:
                for server in made:  # nobody knows what they are by now
                    server.end()
                raise
            lent.extend(made)
            return made

        try:
            yield make
        finally:
            for server in lent:
                self._take_back(server)

    def close(self) -> None:
        """End all."""
        for server in self._idle:
            server.end()

    def _take(self, users: dict[str, list[str]]) -> ApiServer:
        """Return one that is idle, best with these users, or a new one; it may have to start."""
        if not self._idle:
            return ApiServer(self._make_folder(), users)
        self._idle.sort(key=lambda one: users.items() <= one.users.items())
        server = self._idle.pop()
        if not users.items() <= server.users.items():
            server.stop()
            server.set_users(users)
        return server

    def _take_back(self, server: ApiServer) -> None:
        """Keep a cluster for the next, unless it is another by now than it was when it was new."""
        if server.is_another or len(self._idle) >= MOST:
            server.end()
        else:
            self._idle.append(server)
