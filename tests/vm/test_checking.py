"""What a machine lacks is said all at once."""

import os
import socket

import pytest

from globaldns.model.finding import Severity
from globaldns.vm.checking import look_at
from globaldns.vm.files import DROP_IN, HEADS
from globaldns.vm.machine import CONFIG, Programs, machine_of
from tests.vm.machines import config_of


def write(path, text="", mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture
def root(tmp_path):
    """A machine that lacks nothing."""
    for name in ("globaldns", "envoy"):
        write(tmp_path / f"opt/globaldns/bin/{name}", mode=0o755)
    for name in ("cert-chain", "key", "root-cert"):
        write(tmp_path / f"etc/certs/{name}.pem")
    for name in ("resolve", "system"):
        (tmp_path / "run/systemd" / name).mkdir(parents=True)
    write(tmp_path / "etc/resolv.conf", "# stub\nnameserver 127.0.0.53\noptions edns0\n")
    return tmp_path


@pytest.fixture
def ports():
    """An address where nothing listens, for DNS and for the admin endpoint."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        numbers = [probe.getsockname()[1] for probe in (one, other)]
    dns, admin = (f"127.0.0.1:{number}" for number in numbers)
    return {"dns": {"listen": [dns]}, "admin": {"listen": admin}}


def look(root, *, is_live=True, **changes):
    config = config_of(**changes)
    machine = machine_of(config, programs=Programs(), file=CONFIG, root=root)
    return [*look_at(config, machine, root, is_live=is_live)]


def codes(found):
    """Without what depends on who runs the tests, and where."""
    return {one.code for one in found} - {"not-root", "no-tool"}


def test_a_machine_that_has_all_lacks_nothing(root, ports):
    assert codes(look(root, **ports)) == set()


def test_a_bare_machine_is_told_everything_at_once(tmp_path, ports):
    bare = {"envoy": {}, "dns": {"listen": ["127.0.0.1:0"]}, "admin": ports["admin"]}
    assert codes(look(tmp_path, **bare)) == {
        *("no-documents", "no-port", "no-program", "no-certificate", "no-resolved", "no-systemd"),
    }


def test_every_error_says_what_to_do(tmp_path):
    assert [one for one in look(tmp_path) if not one.hint] == []


def test_of_an_image_only_its_files_count(tmp_path):
    assert "not-in-image" in codes(look(tmp_path, is_live=False))
    write(tmp_path / CONFIG.relative_to("/"))
    found = look(tmp_path, is_live=False)
    assert codes(found) == {"no-program", "no-certificate"}
    assert {one.severity for one in found} == {Severity.WARNING}


def test_who_is_not_root_is_told_so(root, ports):
    assert ("not-root" in {one.code for one in look(root, **ports)}) is (os.geteuid() != 0)


@pytest.mark.parametrize("text", ["nameserver 192.0.2.1\n", ""])
def test_a_machine_that_asks_others_has_no_use_of_a_drop_in(text, root, ports):
    write(root / "etc/resolv.conf", text)
    assert codes(look(root, **ports)) == {"no-resolved"}


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("etc/systemd/resolved.conf", "[Resolve]\nDNS=192.0.2.1\n", {"other-servers"}),
        ("etc/systemd/resolved.conf", "[Resolve]\n#DNS=192.0.2.1\nDNS=\n", set()),
        ("etc/systemd/resolved.conf.d/x.conf", "[Resolve]\nDNS=192.0.2.1\n", {"other-servers"}),
        ("run/systemd/resolved.conf.d/x.conf", "[Resolve]\nDNS=::1\n", {"other-servers"}),
        (DROP_IN.lstrip("/"), f"{HEADS[0]}[Resolve]\nDNS=127.0.0.1:1053\n", set()),
    ],
)
def test_servers_beside_links_would_be_asked_for_the_zones(file, text, expected, root, ports):
    write(root / file, text)
    assert codes(look(root, **ports)) == expected


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_is_taken_is_said_unless_by_our_own_unit(kind, root, ports):
    host, _, port = ports["dns"]["listen"][0].rpartition(":")
    with socket.socket(type=kind) as taken:
        taken.bind((host, int(port)))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        found = [one for one in look(root, **ports) if one.code == "port-in-use"]
        assert [one.file for one in found] == ports["dns"]["listen"]
        write(root / "etc/systemd/system/globaldns.service", f"{HEADS[0]}[Unit]\n")
        assert codes(look(root, **ports)) == set()
