"""``globaldns envoy``: documents and bootstraps, and what is refused."""

from __future__ import annotations

import json
import shutil
import socket

import pytest
import yaml

from tests.certificates import make_pair

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
    for command, option in (("bootstrap", "--directory"), ("xds", "--to")):
        refused = envoy(command, "--role", "sidecar")
        assert refused.exit_code == 1
        assert f"with {option}, or set the key envoy.directory" in refused.stderr
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
    assert f"{folder}: 1 cluster, 1 listener\n" in made.stderr
    [secret] = resources(folder, "sds-authority.json")
    assert secret["validation_context"]["trusted_ca"]["filename"].endswith("/root.pem")


def test_pem_files_that_are_not_here_are_told_of_and_wait_for_the_next_time(envoy, mesh):
    pair = make_pair(mesh.folder / "certs")
    files = ("--certificate", pair.certificate, "--key", pair.key)
    away = ("--authority", mesh.folder / "roots.pem")
    where = ("xds", "--role", "sidecar", "--to", mesh.folder)
    made = envoy(*where, *files, *away)
    assert made.exit_code == 0, made.stderr
    [line] = [one for one in made.stderr.splitlines() if "no-certificate" in one]
    assert line.startswith(f"{mesh.folder / 'roots.pem'}: warning: it is not on this machine")
    folder = mesh.folder / "sidecar"
    before = [resources(folder, name) for name in ("sds-authority.json", "sds-certificate.json")]
    shutil.copy(pair.certificate, mesh.folder / "roots.pem")
    made = envoy(*where, *files, *away)
    assert "warning" not in made.stderr
    after = [resources(folder, name) for name in ("sds-authority.json", "sds-certificate.json")]
    assert before[0] != after[0]
    assert before[1] == after[1]


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--certificate", "tls.key holds no certificate"),
        ("--authority", "tls.key holds no certificate"),
        ("--key", "tls.crt holds no private key"),
    ],
)
def test_a_file_of_another_kind_is_refused(envoy, mesh, option, reason):
    pair = make_pair(mesh.folder)
    named = {"--certificate": pair.certificate, "--key": pair.key, "--authority": pair.certificate}
    named[option] = pair.certificate if option == "--key" else pair.key
    files = [word for item in named.items() for word in item]
    made = envoy("xds", "--role", "sidecar", "--to", mesh.folder / "envoys", *files)
    assert made.exit_code == 1
    assert reason in made.stderr
    assert "-----BEGIN" in made.stderr
    assert not (mesh.folder / "envoys").exists()


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
