"""The processes of a box, each with a log file, by their names."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import globaldns

LAST_LINES = 40
"""Of a log: an Envoy says more than thirty when it aborts."""
SECONDS = 5.0
"""How long a process has to end by itself."""
_PACKAGE = str(Path(globaldns.__file__).parents[1])


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs a module of ours, of this very installation."""
    return (sys.executable, "-m", module, *arguments)


class Processes:
    """All processes that were started."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._commands: dict[str, Sequence[str]] = {}

    async def start(self, name: str, command: Sequence[str]) -> None:
        """Start one; its name is free.

        Raises:
            OSError: it cannot be started.
        """
        self._commands[name] = command
        environment = {**os.environ, "PYTHONPATH": _PACKAGE, "NO_COLOR": "1"}
        environment.pop("STATE_DIRECTORY", None)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )

    def is_up(self, name: str) -> bool:
        """Whether one runs."""
        return name in self._running and self._running[name].returncode is None

    def ended(self) -> Iterator[str]:
        """Yield the names of those that do not run any more."""
        return (name for name in self._running if not self.is_up(name))

    async def kill(self, name: str) -> None:
        """End one as a power cut would."""
        process = self._running[name]
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def restart(self, name: str) -> None:
        """Start one again that has ended, as it was started.

        Raises:
            OSError: it cannot be started.
        """
        await self.start(name, self._commands[name])

    async def close(self) -> None:
        """End all."""
        running = [one for one in self._running.values() if one.returncode is None]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        with suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        for process in running:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def log(self, name: str) -> str:
        """Return the last lines that one has written."""
        text = (self._logs / f"{name}.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-LAST_LINES:])
