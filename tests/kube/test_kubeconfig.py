"""What a kubeconfig that comes from elsewhere may say."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from globaldns.errors import KubeconfigError
from globaldns.kube.kubeconfig import (
    MAX_OCTETS,
    Access,
    check_foreign,
    check_servers,
    parse_kubeconfig,
)
from tests.kube.kubeconfig import kubeconfig

SECRET = "eyJhbGciOiJSUzI1NiIsI"
PLAIN = kubeconfig("east", "https://east:6443", {"token": SECRET})
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
MERGE_BOMB = "a: &a {k: v}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


def config(**user: object) -> dict[str, object]:
    return kubeconfig("east", "https://east:6443", user)


@pytest.mark.parametrize("written", [json.dumps(PLAIN), yaml.safe_dump(PLAIN)])
def test_json_and_yaml_are_kubeconfigs(written: str) -> None:
    assert parse_kubeconfig(written) == PLAIN
    check_foreign(parse_kubeconfig(written))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no kubeconfig"),
        ("null", "it is no kubeconfig"),
        ("- a\n- b\n", "it is no YAML, line 1"),
        (SECRET, "it is no YAML, line 1"),
        ("clusters: []", "it is no kubeconfig"),
        ("clusters:", "it is no kubeconfig"),
        ("kind: Secret", "it is no kubeconfig"),
        ("clusters: [a]\n---\nclusters: [b]\n", "it is no kubeconfig"),
        (f"a: b\ntoken: '{SECRET}\nx: [", "it is no YAML, line"),
        (f"{SECRET}: a\n{SECRET}: b\n", "it is no YAML, line 2"),
        ("\0\1\2\x7f", "it is no YAML"),
        ("clusters: " + "[" * 100_000, "it is no YAML"),
        ("clusters:\n" + "".join(f"{' ' * n}k:\n" for n in range(1, 900)), "it is no YAML"),
        (BOMB, "it is no YAML"),
        (MERGE_BOMB, "it is no YAML"),
        ("clusters: [a]\nx: " + "y" * MAX_OCTETS, "it has over 1024 KiB"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_at_once_and_nothing_of_it_is_shown(
    text: str, reason: str
) -> None:
    with pytest.raises(KubeconfigError, match=reason) as refusal:
        parse_kubeconfig(text)
    shown = refusal.value
    assert SECRET not in f"{shown} {shown.hint}"
    assert shown.__context__ is None or shown.__suppress_context__


PIECES = (
    *("clusters", ":", " ", "\n", "- ", "[", "]", "{", "}", "&a ", "*a", "<<", "|", "'", '"', "?"),
    *("!!timestamp ", "!!int ", "!!python/name:os.system ", "9" * 5000, "1:2", "\t", "%"),
)


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_a_kubeconfig_or_refused_as_none(text: str) -> None:
    with suppress(KubeconfigError):
        check_foreign(parse_kubeconfig(text))


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        ({"exec": {"command": "sh"}}, "user 'east' runs a program (exec)"),
        ({"exec": None}, "user 'east' runs a program (exec)"),
        ({"auth-provider": {"name": "gcp"}}, "user 'east' runs a program (auth-provider)"),
        ({"tokenFile": "/etc/shadow"}, "user 'east' names a file (tokenFile)"),
        ({"client-certificate": "a.crt"}, "user 'east' names a file (client-certificate)"),
        ({"client-key": "a.key"}, "user 'east' names a file (client-key)"),
        ({"token": SECRET, "tokenFile": ""}, "user 'east' names a file (tokenFile)"),
    ],
)
def test_what_would_run_a_program_or_read_a_file_is_refused(
    user: dict[str, object], reason: str
) -> None:
    with pytest.raises(KubeconfigError) as refusal:
        check_foreign(config(**user))
    assert str(refusal.value) == reason
    assert "remote_secrets.allow_exec" in refusal.value.hint


@pytest.mark.parametrize(
    ("cluster", "reason"),
    [
        ({"certificate-authority": "/etc/ssl/ca.crt"}, "cluster 'east' names a file"),
        ({"insecure-skip-tls-verify": True}, "cluster 'east' does not verify the server"),
    ],
)
def test_a_cluster_that_names_a_file_or_is_not_verified_is_refused(
    cluster: dict[str, object], reason: str
) -> None:
    with pytest.raises(KubeconfigError, match=reason):
        check_foreign(kubeconfig("east", "https://east:6443", {"token": SECRET}, **cluster))


def test_every_user_and_cluster_is_looked_at_not_only_the_contexts() -> None:
    other = kubeconfig("other", "https://other:6443", {"exec": {"command": "sh"}})
    both = {**PLAIN, "users": [*PLAIN["users"], *other["users"]]}
    with pytest.raises(KubeconfigError, match="user 'other' runs a program"):
        check_foreign(both)


@pytest.mark.parametrize(
    "fine",
    [
        {"token": SECRET},
        {"client-certificate-data": "QQ==", "client-key-data": "QQ=="},
        {"username": "a", "password": "b"},
        {},
    ],
)
def test_what_holds_its_credentials_itself_is_allowed(fine: dict[str, object]) -> None:
    check_foreign(config(**fine))
    check_foreign(kubeconfig("east", "https://east", fine, **{"insecure-skip-tls-verify": False}))


@pytest.mark.parametrize("word", ["'no'", "'false'", "off", "0", "null"])
def test_whether_a_server_is_verified_is_true_or_false_and_nothing_that_may_be_read_as_either(
    word: str,
) -> None:
    text = f"""
clusters: [{{name: east, cluster: {{server: 'https://east', insecure-skip-tls-verify: {word}}}}}]
"""
    with pytest.raises(KubeconfigError, match="'east': insecure-skip-tls-verify is neither"):
        parse_kubeconfig(text)


@pytest.mark.parametrize(
    "odd",
    [
        {"clusters": "x"},
        {"clusters": [None, 5, "x", {"cluster": None}, {"name": 5, "cluster": []}]},
        {"clusters": {"a": {"cluster": {}}}, "users": 5},
    ],
)
def test_a_kubeconfig_of_another_shape_hides_nothing_and_breaks_nothing(
    odd: dict[str, object],
) -> None:
    check_foreign(odd)


@pytest.mark.parametrize(
    "server", ["https://east", "http://10.0.0.1:6443/k8s/c-1", "https://[::1]"]
)
def test_a_server_is_a_url(server: str) -> None:
    check_servers(kubeconfig("east", server, {}))


@pytest.mark.parametrize(
    "server",
    ["ftp://east", "east:6443", "https://", "https://[::1", "https://a:b", "https://:1", 5],
)
def test_a_server_that_is_no_url_is_refused_with_its_cluster(server: str) -> None:
    with pytest.raises(KubeconfigError, match="cluster 'east' has a server that is no URL"):
        check_servers(kubeconfig("east", server, {}))


def test_a_cluster_without_a_server_is_refused() -> None:
    with pytest.raises(KubeconfigError, match="cluster 'east' names no server"):
        check_servers(kubeconfig("east", "", {}))


@pytest.mark.parametrize(
    ("access", "name"),
    [
        (Access(), "service account"),
        (Access(path=Path("/a/b")), "kubeconfig /a/b"),
        (Access(path=Path("/a/b"), context="c"), "kubeconfig /a/b (c)"),
        (Access(text=SECRET), "remote secret"),
        (Access(text=SECRET, may_run=True), "remote secret"),
    ],
)
def test_a_way_to_a_server_is_named_without_what_it_holds(access: Access, name: str) -> None:
    assert access.name == name
    assert repr(access) == str(access) == f"{access}" == f"Access({name})"
    assert SECRET not in repr([access])
