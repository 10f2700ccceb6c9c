"""Which clusters remote secrets name, and which of them are refused."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
import yaml

from globaldns.kube.kubeconfig import MAX_OCTETS, Access
from globaldns.model.finding import Severity
from globaldns.sources.secrets import (
    Kubeconfig,
    Refused,
    RemoteClusters,
    RemoteSettings,
    SecretObject,
    decode_secret,
    find_clusters,
    kubeconfigs,
    report_refusals,
)
from tests.kube.kubeconfig import kubeconfig

TOKEN = "very-secret-token"
USER = {"token": TOKEN}


def config(user: dict[str, Any] | None = None, **cluster: Any) -> str:
    return yaml.safe_dump(kubeconfig("x", "https://10.0.0.1", user or USER, **cluster))


def secret(name: str, created: str, **clusters: str) -> SecretObject:
    data = {key: base64.b64encode(text.encode()).decode() for key, text in clusters.items()}
    metadata = {"name": name, "namespace": "ns", "creationTimestamp": created}
    value = {"metadata": metadata, "data": data}
    found = decode_secret(msgspec.json.encode(value))
    assert found is not None
    return found


def found(*secrets: SecretObject, own: str = "home", may_run: bool = False) -> RemoteClusters:
    return find_clusters(kubeconfigs(secrets), own=own, may_run=may_run)


def test_each_key_of_a_secret_is_a_cluster() -> None:
    one = found(secret("a", "1", west=config(), east=config()), secret("b", "2", north=config()))
    assert one.access == {name: Access(text=config()) for name in ("west", "east", "north")}
    assert one.refused == ()


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_secrets_for_one_cluster_the_older_counts(order: int) -> None:
    old = secret("z-old", "2026-01-01T00:00:00Z", west=config({"token": "old"}))
    new = secret("a-new", "2026-01-02T00:00:00Z", west=config({"token": "new"}))
    one = found(*[old, new][::order])
    assert one.access == {"west": Access(text=config({"token": "old"}))}
    (refused,) = one.refused
    assert (refused.place, refused.cluster) == ("Secret ns/a-new", "west")
    assert "Secret ns/z-old" in refused.reason


def test_of_two_that_are_as_old_the_first_by_name_counts() -> None:
    one = found(secret("b", "1", west=config({"token": "b"})), secret("a", "1", west=config()))
    assert one.access == {"west": Access(text=config())}


def test_a_file_does_not_count_beside_a_secret() -> None:
    files = [Kubeconfig("/kubeconfigs/west", "west", config({"token": "file"}))]
    both = [*kubeconfigs([secret("a", "1", west=config())]), *files]
    one = find_clusters(both, own="home", may_run=False)
    assert one.access == {"west": Access(text=config())}
    assert [refused.place for refused in one.refused] == ["/kubeconfigs/west"]


def test_ones_own_cluster_is_not_read_twice_and_that_is_told_as_harmless() -> None:
    one = found(secret("a", "1", home=config(), west=config()), secret("b", "2", home="x: ["))
    assert set(one.access) == {"west"}
    assert [(r.place, r.cluster, r.is_harmless) for r in one.refused] == [
        ("Secret ns/a", "home", True),
        ("Secret ns/b", "home", True),
    ]
    assert one.reach("home") is None
    told = [*report_refusals(one.refused, own="home")]
    assert {(f.severity, f.object, f.cluster) for f in told} == {
        (Severity.WARNING, "Secret ns/a", "home"),
        (Severity.WARNING, "Secret ns/b", "home"),
    }


def test_what_is_refused_is_told_with_its_secret_and_is_why_a_cluster_is_not_reached() -> None:
    one = found(secret("a", "1", west=FOREIGN["a program"]))
    refused = one.reach("west")
    assert isinstance(refused, Refused)
    assert refused.kind == "Secret"
    (told,) = report_refusals(one.refused, own="home")
    assert (told.severity, told.code, told.object) == (
        Severity.ERROR,
        "remote-secret",
        "Secret ns/a",
    )
    assert told.reason == "cluster 'west' is not read by it: user 'x' runs a program (exec)"
    assert "allow_exec" in told.hint


@pytest.mark.parametrize("server", ["", "ftp://10.0.0.1", "10.0.0.1:6443", "https://", None])
def test_a_server_that_nobody_could_ask_is_refused(server: str | None) -> None:
    text = yaml.safe_dump(kubeconfig("x", server, USER))  # type: ignore[arg-type]
    (refused,) = found(secret("a", "1", west=text), may_run=True).refused
    assert "server" in refused.reason
    assert "https://" in refused.hint


def test_a_secret_without_data_names_no_cluster() -> None:
    empty = decode_secret(b'{"metadata": {"name": "a"}}')
    null = decode_secret(b'{"metadata": {"name": "a", "creationTimestamp": "x"}, "data": null}')
    assert empty is not None
    assert null is not None
    assert found(empty, null) == RemoteClusters({})
    assert decode_secret(b'{"metadata": 1}') is None
    assert decode_secret(b"no json") is None


BAD = {
    "no base64": ("west", "!"),
    "base64 of what is no text": ("west", base64.b64encode(b"\xff\xfe").decode()),
    "an id that is none": ("West_1!", base64.b64encode(config().encode()).decode()),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_text_or_no_id_is_refused_and_hides_no_other(name: str) -> None:
    cluster, encoded = BAD[name]
    good = base64.b64encode(config().encode()).decode()
    value = {"metadata": {"name": "a"}, "data": {cluster: encoded, "north": good}}
    one = decode_secret(msgspec.json.encode(value))
    assert one is not None
    clusters = found(one)
    assert set(clusters.access) == {"north"}
    assert [refused.cluster for refused in clusters.refused] == [cluster]


UNUSABLE = {
    "nothing": "",
    "no YAML": "x: [",
    "a number": "1",
    "a list": "[]",
    "no clusters": "kind: Config",
    "too long": config() + "#" * MAX_OCTETS,
}
FOREIGN = {
    "a program": config({"exec": {"command": "/bin/sh", "args": ["-c", TOKEN]}}),
    "a provider": config({"auth-provider": {"name": "gcp"}}),
    "a token's file": config({"tokenFile": "/var/run/secrets/token"}),
    "a certificate's file": config({"client-certificate": "/etc/x"}),
    "a key's file": config({"client-key": "/etc/x"}),
    "an authority's file": config(None, **{"certificate-authority": "/etc/x"}),
    "no verification": config(None, **{"insecure-skip-tls-verify": True}),
}


@pytest.mark.parametrize("text", UNUSABLE)
@pytest.mark.parametrize("may_run", [True, False])
def test_what_is_no_kubeconfig_is_refused_always(
    text: str,
    may_run: bool,  # noqa: FBT001
) -> None:
    one = found(secret("a", "1", west=UNUSABLE[text]), may_run=may_run)
    assert (one.access, [refused.cluster for refused in one.refused]) == ({}, ["west"])
    assert one.refused[0].reason


@pytest.mark.parametrize("text", FOREIGN)
def test_what_runs_a_program_or_reads_a_file_here_is_refused_unless_it_is_allowed(
    text: str,
) -> None:
    one = secret("a", "1", west=FOREIGN[text])
    assert found(one, may_run=True).access == {"west": Access(text=FOREIGN[text], may_run=True)}
    clusters = found(one)
    assert clusters.access == {}
    assert "allow_exec" in clusters.refused[0].hint


@pytest.mark.parametrize("text", [config(), *UNUSABLE.values(), *FOREIGN.values(), TOKEN])
def test_nothing_of_a_kubeconfig_is_shown(text: str) -> None:
    one = secret("a", "1", west=text)
    shown = [one, [*kubeconfigs([one])], found(one), found(one, may_run=True)]
    assert TOKEN not in repr(shown) + str(shown)
    encoded = base64.b64encode(TOKEN.encode()).decode()
    assert encoded[:12] not in repr(shown)


@pytest.mark.parametrize(
    ("settings", "are_there"),
    [
        (RemoteSettings("home", None, "ns"), False),
        (RemoteSettings("home", Access(), "ns"), True),
    ],
)
def test_there_are_remote_secrets_where_they_could_be(
    settings: RemoteSettings,
    are_there: bool,  # noqa: FBT001
) -> None:
    assert settings.are_there is are_there
