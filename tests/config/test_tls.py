"""What the keys of DNS over TLS must be to each other, and to other listeners."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.config.tls import is_same_place, is_tls_on

PAIR = "certificate: tls.crt, key: tls.key"


def test_it_is_off_by_default_and_its_paths_begin_at_the_file(files):
    assert not is_tls_on(files.read(files.minimal).dns)
    dns = files.read(files.minimal + "dns: {tls: {certificate: tls/a.crt, key: /b.key}}").dns
    assert is_tls_on(dns)
    assert dns.tls.certificate == Path("/etc/globaldns/tls/a.crt")
    assert dns.tls.key == Path("/b.key")


@pytest.mark.parametrize(
    ("tls", "problems"),
    [
        ("certificate: a.crt", ["$.dns.tls.key (line 4): is missing: there is a certificate"]),
        ("key: a.key", ["$.dns.tls.certificate (line 4): is missing: there is a key"]),
        ("listen: ['[::1]:853']", ["$.dns.tls.listen (line 4): there is no certificate"]),
        (f"{PAIR}, listen: []", ["$.dns.tls.listen (line 4): is empty"]),
        (
            "key: a.key, listen: []",
            [
                "$.dns.tls.certificate (line 4): is missing: there is a key",
                "$.dns.tls.listen (line 4): is empty",
            ],
        ),
        (
            f"{PAIR}, listen: ['127.0.0.1:853', '0.0.0.0:853']",
            ["$.dns.tls.listen[1] (line 4): '0.0.0.0:853' is listed twice"],
        ),
        (
            f"{PAIR}, listen: ['127.0.0.1:8053']",
            ["$.dns.tls.listen[0] (line 4): '127.0.0.1:8053' is taken by admin.listen"],
        ),
        (f"{PAIR}, certificates: a", ["$.dns.tls.certificates (line 4): unknown key"]),
        (f"{PAIR}, listen: ['127.0.0.1']", ["$.dns.tls.listen[0] (line 4): '127.0.0.1' is no"]),
    ],
)
def test_every_problem_is_told_at_its_key_with_a_remedy(files, tls, problems):
    found = files.problems_with(f"dns: {{tls: {{{tls}}}}}")
    for problem, start in zip(found, problems, strict=True):
        assert problem.startswith(start)
        assert "(fix: " in problem


@pytest.mark.parametrize(
    ("plain", "tls", "problem"),
    [
        ("'127.0.0.1:853'", ", listen: ['127.0.0.1:853']", "taken by dns.listen, '127.0.0.1:853'"),
        ("'0.0.0.0:853'", ", listen: ['127.0.0.1:853']", "taken by dns.listen, '0.0.0.0:853'"),
        ("'[::1]:853'", ", listen: ['[::]:853']", "taken by dns.listen, '[::1]:853'"),
        ("'127.0.0.1:853'", "", "is where DNS over TLS listens by default"),
        ("'127.0.0.1:53', '0.0.0.0:853'", "", "is where DNS over TLS listens by default"),
    ],
)
def test_an_address_is_tls_s_or_another_s(files, plain, tls, problem):
    (found,) = files.problems_with(f"dns: {{listen: [{plain}], tls: {{{PAIR}{tls}}}}}")
    assert found.startswith("$.dns.tls.listen")
    assert problem in found


@pytest.mark.parametrize(
    "dns",
    [
        f"tls: {{{PAIR}}}",
        f"listen: ['127.0.0.1:53'], tls: {{{PAIR}}}",
        f"listen: ['127.0.0.1:853'], tls: {{{PAIR}, listen: ['127.0.0.2:853']}}",
        f"listen: ['127.0.0.1:0'], tls: {{{PAIR}, listen: ['127.0.0.1:0', '127.0.0.1:0']}}",
        "listen: ['127.0.0.1:853'], tls: {}",
    ],
)
def test_what_only_just_goes_together_is_no_problem(files, dns):
    assert files.problems_with(f"dns: {{{dns}}}") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("127.0.0.1:53", "127.0.0.1:53", True),
        ("127.0.0.1:53", "127.0.0.1:54", False),
        ("127.0.0.1:53", "127.0.0.2:53", False),
        ("0.0.0.0:53", "127.0.0.2:53", True),
        ("0.0.0.0:53", "[::1]:53", False),
        ("[::]:53", "127.0.0.1:53", False),
        ("[::]:53", "[::1]:53", True),
        ("0.0.0.0:0", "0.0.0.0:0", False),
        ("", "127.0.0.1:53", False),
    ],
)
def test_two_listeners_are_in_each_other_s_way_or_not(one, other, same):
    """Sockets of IPv6 take nothing of IPv4's; port 0 is another one every time."""
    assert is_same_place(one, other) is is_same_place(other, one) is same
