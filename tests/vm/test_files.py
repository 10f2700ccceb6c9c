"""The files of a machine, and those that are shipped."""

from pathlib import Path

import pytest
import yaml

from globaldns.config.loading import load
from globaldns.vm.files import HEADS, PATHS, is_ours, machine_files
from globaldns.vm.machine import STATE, Programs, machine_of
from tests.vm.machines import machine

SHIPPED = Path(__file__).parents[2] / "deploy/vm"
CONFIG = "etc/globaldns/globaldns.yaml"
WRITTEN_BY_HAND = {CONFIG, "etc/globaldns/manifests/namespace.yaml"}


def test_the_shipped_files_are_those_of_the_shipped_configuration():
    config = load(SHIPPED / CONFIG, {"STATE_DIRECTORY": str(STATE)})
    shipped = machine_of(config, programs=Programs(), file=SHIPPED / CONFIG, root=SHIPPED)
    expected = {path.lstrip("/"): text for path, text in machine_files(shipped).items()}
    found = {
        str(path.relative_to(SHIPPED)): path.read_text()
        for path in SHIPPED.rglob("*")
        if path.is_file()
    }
    assert {path: text for path, text in found.items() if path not in WRITTEN_BY_HAND} == expected
    assert set(found) >= WRITTEN_BY_HAND


def test_every_file_is_known_for_ours_by_its_first_line():
    files = machine_files(machine())
    assert set(files) == set(PATHS)
    assert all(is_ours(text) for text in files.values())


def test_of_a_zone_with_chosen_namespaces_these_alone_are_sent_to_us():
    zones = [{"name": "local", "namespaces": ["shop", "cart"]}, "global"]
    files = machine_files(machine(zones=zones))
    drop_in = files["/etc/systemd/resolved.conf.d/globaldns.conf"]
    assert "\nDomains=~shop.local ~cart.local ~global\n" in drop_in
    anchors = files["/etc/dnssec-trust-anchors.d/globaldns.negative"].splitlines()
    assert anchors[1:4] == ["shop.local", "cart.local", "global"]
    assert anchors.count("local") == 1


@pytest.mark.parametrize("text", ["", "[Service]\n", HEADS[0].rstrip() + "?\n", f" {HEADS[0]}"])
def test_what_begins_otherwise_is_not_ours(text):
    assert not is_ours(text)


def test_an_envoy_is_told_by_the_folder_that_serve_keeps():
    files = machine_files(machine(envoy={"directory": "/srv/envoys"}))
    document = yaml.safe_load(files["/etc/globaldns/envoy.yaml"])
    sources = document["dynamic_resources"]
    paths = [one["path_config_source"]["path"] for one in sources.values()]
    assert paths == ["/srv/envoys/sidecar/cds.json", "/srv/envoys/sidecar/lds.json"]
    assert document["node"] == {"id": "sidecar", "cluster": "vm-1"}
