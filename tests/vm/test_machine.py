"""What of a configuration a machine depends on."""

from pathlib import Path

import pytest

from globaldns.vm.machine import Programs, inside, machine_of
from tests.vm.machines import config_of, machine

TLS = {"certificate": "cert.pem", "key": "key.pem"}


@pytest.mark.parametrize(
    ("listen", "resolver"),
    [
        (None, "127.0.0.1:1053"),
        (["0.0.0.0:53"], "127.0.0.1:53"),
        (["[::]:53"], "[::1]:53"),
        (["192.0.2.1:53", "[::1]:1053"], "[::1]:1053"),
        (["192.0.2.1:53"], "192.0.2.1:53"),
        (["192.0.2.1:53", "127.3.0.1:53"], "127.3.0.1:53"),
    ],
)
def test_a_machine_asks_itself_where_it_can(listen, resolver):
    assert machine(dns={} if listen is None else {"listen": listen}).resolver == resolver


@pytest.mark.parametrize(
    ("dns", "needed"),
    [
        ({}, False),
        ({"listen": ["127.0.0.1:53"]}, True),
        ({"listen": ["127.0.0.1:0"]}, False),
        ({"tls": TLS}, True),
        ({"tls": {**TLS, "listen": ["127.0.0.1:8853"]}}, False),
    ],
)
def test_a_port_below_1024_needs_a_capability(dns, needed):
    assert machine(dns=dns).has_privileged_port is needed


def test_dns_over_tls_and_the_admin_endpoint_are_no_resolvers():
    found = machine(dns={"listen": ["192.0.2.1:53"], "tls": TLS})
    assert found.others == ("192.0.2.1:853", "127.0.0.1:8053")
    assert found.resolver == "192.0.2.1:53"


def test_state_and_documents_are_where_systemd_makes_directories():
    found = machine(envoy={})
    assert found.state == Path("/var/lib/globaldns/vm-1")
    assert found.documents == Path("/var/cache/globaldns")


def test_paths_below_an_image_are_as_the_machine_will_have_them():
    config = config_of(envoy={"directory": "/mnt/var/cache/envoys"}, state="/mnt/srv/state")
    root = Path("/mnt")
    found = machine_of(config, programs=Programs(), file=root / "etc/g.yaml", root=root)
    assert (found.config, found.documents, found.state) == (
        Path("/etc/g.yaml"),
        Path("/var/cache/envoys"),
        Path("/srv/state"),
    )
    assert inside(root, Path("/elsewhere")) == Path("/elsewhere")
