"""``globaldns envoy``: documents and bootstraps, and what is refused."""

from __future__ import annotations

import json
import socket

import pytest
import yaml

PEM = ("--certificate", "certs/cert.pem", "--key", "certs/key.pem", "--authority", "root.pem")


@pytest.fixture
def envoy(run, mesh):
    def envoy(*arguments):
        return run("envoy", *arguments, "--config", mesh.config)

    return envoy


def resources(folder, name):
    return json.loads((folder / name).read_text())["resources"]


def test_a_bootstrap_is_yaml_or_json_and_says_how_to_start(envoy, mesh):
    made = envoy("bootstrap", "--role", "sidecar", "--directory", mesh.folder / "envoys")
    assert made.exit_code == 0, made.stderr
    document = yaml.safe_load(made.stdout)
    folder = mesh.folder / "envoys" / "sidecar"
    assert document["node"] == {"id": f"sidecar.{socket.gethostname()}", "cluster": "east"}
    assert document["admin"]["address"]["pipe"]["path"] == str(folder / "admin.sock")
    assert "envoy -c FILE --concurrency 2" in made.stderr
    where = ("--directory", mesh.folder / "envoys", "--admin", "127.0.0.1:15000", "--node", "me")
    made = envoy("bootstrap", "--role", "gateway", *where, "-o", "json")
    document = json.loads(made.stdout)
    assert document["node"]["id"] == "me"
    assert document["admin"]["address"]["socket_address"]["port_value"] == 15000


def test_the_directory_may_stand_in_the_configuration(envoy, mesh):
    refused = envoy("bootstrap", "--role", "sidecar")
    assert (refused.exit_code, "envoy.directory" in refused.stderr) == (1, True)
    mesh.configure(envoy={"directory": "envoys"})
    made = envoy("xds", "--role", "sidecar")
    assert made.exit_code == 0, made.stderr
    folder = mesh.folder / "envoys" / "sidecar"
    assert "listeners" in made.stderr
    assert {one.name for one in folder.iterdir()} == {
        "cds.json",
        "lds.json",
        "sds-certificate.json",
        "sds-authority.json",
    }
    assert all(one["name"].startswith("240.") for one in resources(folder, "lds.json"))


def test_a_workload_has_its_own_files_and_ports(envoy, mesh):
    where = ("--role", "workload", "--cluster", "west", "--address", "10.20.1.12")
    made = envoy("xds", *where, "--to", mesh.folder, *PEM)
    assert made.exit_code == 0, made.stderr
    folder = mesh.folder / "workload"
    assert [one["name"] for one in resources(folder, "lds.json")] == ["10.20.1.12_9080"]
    [secret] = resources(folder, "sds-authority.json")
    assert secret["validation_context"]["trusted_ca"]["filename"].endswith("/root.pem")


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--role", "sidecar", "--cluster", "north"), 1, "'north' is no cluster"),
        (("--role", "sidecar", "--address", "10.0.0.1"), 2, "are for --role workload"),
        (("--role", "workload"), 2, "--role workload needs --address"),
        (("--role", "workload", "--address", "here"), 2, "is no IP address"),
        (("--role", "workload", "--address", "10.9.9.9"), 1, "east exports nothing at 10.9.9.9"),
        (("--role", "sidecar", "--key", "/x/key.pem"), 1, "is not in the folder of"),
    ],
)
def test_what_cannot_be_written_is_refused(envoy, mesh, arguments, code, reason):
    made = envoy("xds", *arguments, "--to", mesh.folder / "envoys")
    assert made.exit_code == code
    assert reason in made.stderr
    assert not (mesh.folder / "envoys").exists()


def test_an_administrator_comes_by_address_or_path(envoy, mesh):
    made = envoy("bootstrap", "--role", "sidecar", "--directory", mesh.folder, "--admin", "x")
    assert made.exit_code == 2
    assert "--admin" in made.stderr
