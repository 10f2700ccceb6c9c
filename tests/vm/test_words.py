"""How unit files are written."""

from pathlib import Path

import pytest

from globaldns.vm.words import directories, line, sandbox, unit, word

STATE = Path("/var/lib/globaldns")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("/opt/globaldns/bin/envoy", "/opt/globaldns/bin/envoy"),
        ("/opt/my programs/envoy", '"/opt/my programs/envoy"'),
        ("/opt/100%", '"/opt/100%%"'),
        ("$HOME", '"$$HOME"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("", '""'),
    ],
)
def test_an_argument_is_one_whatever_is_in_it(text, written):
    assert word(text) == written


def test_a_command_is_its_arguments():
    assert line("ip", "route", Path("/a b")) == 'ip route "/a b"'


def test_sections_are_in_their_order():
    assert unit({"Unit": [("A", "1")], "Service": [("B", "")]}) == "[Unit]\nA=1\n\n[Service]\nB=\n"


@pytest.mark.parametrize(
    ("paths", "written"),
    [
        ([STATE / "east"], {"StateDirectory": "globaldns"}),
        (["/var/cache/a", "/var/cache/a"], {"StateDirectory": "globaldns", "CacheDirectory": "a"}),
        (["/var/lib/other"], {"StateDirectory": "globaldns other"}),
        (["/srv/x"], {"StateDirectory": "globaldns", "ReadWritePaths": "/srv/x"}),
        (["/var/cache"], {"StateDirectory": "globaldns", "ReadWritePaths": "/var/cache"}),
        (
            ["/run/a/b"],
            {
                "StateDirectory": "globaldns",
                "RuntimeDirectory": "a/b",
                "RuntimeDirectoryPreserve": "yes",
            },
        ),
    ],
)
def test_what_is_written_to_is_writable_and_nothing_else(paths, written):
    assert dict(directories(map(Path, paths), STATE)) == written


def test_a_service_has_the_capabilities_that_it_is_given_and_no_others():
    for given in ("", "CAP_NET_BIND_SERVICE"):
        found = dict(sandbox("AF_UNIX", user="one", capabilities=given))
        assert found["CapabilityBoundingSet"] == found["AmbientCapabilities"] == given
        assert (found["User"], found["RestrictAddressFamilies"]) == ("one", "AF_UNIX")


def test_root_has_no_more_than_it_is_given_either():
    found = dict(sandbox("AF_NETLINK", capabilities="CAP_NET_ADMIN"))
    assert found["CapabilityBoundingSet"] == "CAP_NET_ADMIN"
    assert not {"User", "AmbientCapabilities"} & set(found)
