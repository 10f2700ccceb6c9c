from pathlib import Path

import pytest

from globaldns.config.loading import inspect_text
from globaldns.config.schema import Config

ENV = {"HOME": "/home/jo"}
MINIMAL = """\
cluster: east
clusters:
  east: {source: {directory: manifests/east}}
"""


class Files:
    """Reads configuration texts as if they stood in /etc/globaldns."""

    minimal = MINIMAL
    folder = Path("/etc/globaldns")

    def read(self, text: str, **env: str) -> Config:
        loaded = inspect_text(text, folder=self.folder, env=ENV | env)
        assert loaded.problems == ()
        assert loaded.config is not None
        return loaded.config

    def problems(self, text: str, **env: str) -> list[str]:
        loaded = inspect_text(text, folder=self.folder, env=ENV | env)
        assert (loaded.config is None) is bool(loaded.problems)
        return [str(problem) for problem in loaded.problems]

    def problems_with(self, text: str) -> list[str]:
        """Problems of the smallest configuration and what is added to it."""
        return self.problems(MINIMAL + text)


@pytest.fixture
def files() -> Files:
    return Files()
