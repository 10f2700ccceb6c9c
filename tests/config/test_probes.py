"""What the keys of ``routing.probes`` must be to each other."""

from __future__ import annotations

from pathlib import Path

import pytest


def test_connections_every_few_seconds_are_the_default(files):
    probes = files.read(files.minimal).routing.probes
    assert (probes.interval, probes.timeout, probes.resolvers) == (5.0, 2.0, ())
    assert probes.certificate is probes.key is probes.authority is None


def test_all_of_it_can_be_said(files):
    probes = files.read(
        files.minimal + "routing: {probes: {interval: 0s, timeout: 250ms, resolvers: ['[::1]:53'],"
        " certificate: a.crt, key: a.key, authority: /ca.crt}}"
    ).routing.probes
    assert (probes.interval, probes.timeout) == (0.0, 0.25)
    assert probes.resolvers == ("[::1]:53",)
    assert probes.certificate == Path("/etc/globaldns/a.crt")
    assert probes.authority == Path("/ca.crt")


@pytest.mark.parametrize(
    ("keys", "problems"),
    [
        ("interval: 999ms", ["interval (line 4): 999ms is too small (fix: at least 1s, or 0s"]),
        ("interval: 2h", ["interval (line 4): 2h is too large (fix: at most 1h)"]),
        ("timeout: 10ms", ["timeout (line 4): 10ms is too small (fix: at least 100ms)"]),
        ("resolvers: ['192.0.2.1']", ["resolvers[0] (line 4): '192.0.2.1' is no address:port"]),
        ("resolvers: ['192.0.2.1:0']", ["resolvers[0] (line 4): '192.0.2.1:0' has port 0"]),
        (
            "resolvers: ['192.0.2.1:53', '192.0.2.2:53', '192.0.2.3:53', '192.0.2.4:53']",
            ["resolvers (line 4): 4 are too many (fix: at most 3)"],
        ),
        (
            "key: a.key",
            [
                "authority (line 4): is missing beside key (fix: a handshake takes",
                "certificate (line 4): is missing beside key (fix: a handshake takes",
            ],
        ),
        (
            "certificate: a.crt, key: a.key",
            ["authority (line 4): is missing beside certificate and key"],
        ),
    ],
)
def test_what_cannot_be_meant_is_a_problem_with_its_remedy(files, keys, problems):
    found = files.problems_with(f"routing: {{probes: {{{keys}}}}}")
    assert len(found) == len(problems)
    for line, expected in zip(found, problems, strict=True):
        assert line.startswith(f"$.routing.probes.{expected}")
