"""A real cluster as a person with kubectl sees it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.system.api_servers import ApiServer
from tests.system.deploying import find_programs, run


class Administered:
    """One cluster, and kubectl with all rights in it."""

    def __init__(self, api: ApiServer) -> None:
        self.programs = find_programs("kubectl")
        self.kubeconfig = api.kubeconfig_file()

    def kubectl(self, *arguments: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run kubectl as an administrator."""
        kubectl = (self.programs["kubectl"], "--kubeconfig", self.kubeconfig)
        return run(*kubectl, *arguments, text=text)

    def get(self, *arguments: str) -> Any:
        """Return an object or a list of them."""
        done = self.kubectl("get", *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def apply(self, *objects: Any, options: tuple[str, ...] = ()) -> str:
        """Apply objects; return what the server said against them, warnings too."""
        command = ("apply", "--server-side", "--force-conflicts", "-f", "-")
        return self.kubectl(*command, *options, text=yaml.safe_dump_all(objects)).stderr

    def try_out(self, *objects: Any, options: tuple[str, ...] = ()) -> str:
        """Have the server look at objects without keeping them; return what it said."""
        return self.apply(*objects, options=("--dry-run=server", *options))
