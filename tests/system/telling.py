"""A cluster whose own DNS is told of us by the command, as its administrator does."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner, Result

from globaldns.cli import main
from tests.stubs.platforms import Object
from tests.system.api_servers import ApiServer

SERVER = "10.0.0.53"
US = "globaldns"
ACCOUNT = f"system:serviceaccount:{US}:globaldns"
GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{US}", "system:authenticated")
RESOURCES = {
    "Deployment": "deployments.apps",
    "DaemonSet": "daemonsets.apps",
    "ConfigMap": "configmaps",
    "Service": "services",
    "DNS": "dnses.operator.openshift.io",
    "HelmChartConfig": "helmchartconfigs.helm.cattle.io",
}
CHANGING = ("resourceVersion", "managedFields", "generation")


class Told:
    """A cluster, and the command that tells its DNS."""

    def __init__(self, api: ApiServer, folder: Path, user: str = "admin") -> None:
        self.api = api
        self.config = folder / "globaldns.yaml"
        source = {"kubernetes": {"kubeconfig": str(api.kubeconfig_file("east", user))}}
        settings = {"cluster": "east", "clusters": {"east": {"source": source}}}
        self.config.write_text(yaml.safe_dump({**settings, "state": str(folder / "state")}))

    def run(self, *arguments: str) -> Result:
        """Run ``globaldns stub``, in this process: hundreds are started here."""
        line = ["stub", *arguments, "--config", str(self.config)]
        return CliRunner(env={"NO_COLOR": "1"}).invoke(main, line)

    def must(self, *arguments: str, code: int = 0) -> str:
        """Run it, see its exit code, and return what it printed."""
        done = self.run(*arguments)
        assert done.exit_code == code, done.output
        return done.stdout

    def objects(self) -> dict[str, Object]:
        """Return all that is told, without what every write changes."""
        found = {}
        for kind in ("ConfigMap", "DNS", "HelmChartConfig"):
            for one in self.api.objects(RESOURCES[kind]):
                metadata = {k: v for k, v in one["metadata"].items() if k not in CHANGING}
                inside = metadata.get("namespace", "")
                found[f"{kind} {inside}/{metadata['name']}"] = {**one, "metadata": metadata}
        return found

    def corefile(self, name: str = "coredns") -> str:
        found = self.api.get("configmaps", name, "kube-system")
        assert found is not None
        return str(found["data"]["Corefile"])


def service(name: str, inside: str, address: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": inside},
        "spec": {
            "clusterIP": address,
            "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}],
        },
    }


def names_of(api: ApiServer) -> set[tuple[str, str, str]]:
    return {
        (resource, one["metadata"].get("namespace", ""), one["metadata"]["name"])
        for resource in RESOURCES.values()
        for one in api.objects(resource)
    }
