"""What the chart takes as values: all that it and the program know, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globaldns.config.keys import ONE_OF, choices, element, entry, is_section, keys, unwrap
from globaldns.config.kinds import Section
from globaldns.config.schema import Config
from globaldns.config.texts import TEXTS
from tests.system.deploying import Helm

FIXED = {
    "cluster": "give the value cluster",
    "namespace": "it is the namespace of the release",
    "state": "it is the volume that the value state limits",
    "remote_secrets": "the value remoteSecrets",
    "vips.ledger": "VIPLedger objects",
    "dns.listen": "the Service has port 53",
    "dns.tls": "the value dot",
    "admin.listen": "the value networkPolicy.adminFrom",
}
"""Keys that the chart alone sets, and what to do instead."""

BOTH = {"directory": "/old", "kubernetes": {}}
LOST_AT_ONCE = {"demote": "60m", "expire": "1h"}


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def refusal(helm: Helm, **values: Any) -> str:
    """Return why values are refused."""
    done = helm.template(**{"cluster": "east", **values})
    assert done.returncode != 0, values
    return done.stderr


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"cluster": ""}, "cluster: give this cluster's id"),
        ({"cluster": "e/a"}, "'/cluster': 'e/a' does not match pattern"),
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"service": {"clusterIP": "10.0.0.53"}}, "'/service': additional properties 'clusterIP'"),
        ({"service": {"clusterIPs": ["x"]}}, "'/service/clusterIPs/0'"),
        ({"service": {"clusterIPs": ["10.0.0.256"]}}, "'/service/clusterIPs/0'"),
        (
            {"service": {"annotations": {"a b": "c"}}},
            "'/service/annotations': additional properties 'a b'",
        ),
        ({"replicas": 0}, "'/replicas'"),
        ({"image": {"digest": "0f0f"}}, "'/image/digest'"),
        ({"image": {"repository": "glob al"}}, "'/image/repository'"),
        ({"image": {"tag": "a:b"}}, "'/image/tag'"),
        ({"imagePullSecrets": [{"name": "A_b"}]}, "'/imagePullSecrets/0/name'"),
        ({"dot": {"enabled": True}}, "dot.secretName: name the Secret"),
        ({"dot": {"secretName": "a/b"}}, "'/dot/secretName'"),
        ({"networkPolicy": {"adminFrom": [{}]}}, "'/networkPolicy/adminFrom/0'"),
        (
            {"networkPolicy": {"adminFrom": [{"podSelector": {"app": "x"}}]}},
            "'/networkPolicy/adminFrom/0/podSelector'",
        ),
        (
            {"networkPolicy": {"adminFrom": [{"ipBlock": {"cidr": "10.0.0.1"}}]}},
            "'/networkPolicy/adminFrom/0/ipBlock/cidr'",
        ),
        ({"networkPolicy": {"apiServerPorts": []}}, "'/networkPolicy/apiServerPorts'"),
        ({"networkPolicy": {"gatewayPorts": [0]}}, "'/networkPolicy/gatewayPorts/0'"),
        ({"ledgerReaders": [{"name": "reader"}]}, "'/ledgerReaders/0'"),
        (
            {"ledgerReaders": [{"kind": "ServiceAccount", "name": "reader"}]},
            "missing property 'namespace'",
        ),
        ({"topologySpread": {"nodes": "Never"}}, "'/topologySpread/nodes'"),
        ({"state": {"sizeLimit": "abc"}}, "'/state/sizeLimit': 'abc' does not match pattern"),
        ({"resources": {"limits": {"memory": "1 GB"}}}, "'/resources/limits/memory'"),
        ({"resources": {"claims": [{"named": "gpu"}]}}, "'/resources/claims/0'"),
        ({"serviceMonitor": {"interval": "often"}}, "'/serviceMonitor/interval'"),
        ({"priorityClassName": "High!"}, "'/priorityClassName'"),
        (
            {"criticalPodsQuota": {"enabled": True}, "priorityClassName": ""},
            "name it in priorityClassName",
        ),
        ({"nodeSelector": {"kubernetes.io/os": "a b"}}, "'/nodeSelector/kubernetes.io~1os'"),
        ({"tolerations": [{"operator": "Is"}]}, "'/tolerations/0/operator'"),
        ({"affinity": {"nodes": {}}}, "'/affinity': additional properties 'nodes'"),
        ({"extraLabels": {"helm.sh/chart": "x"}}, "extraLabels: leave out helm.sh/chart"),
        (
            {"podLabels": {"sidecar.istio.io/inject": "true"}},
            "podLabels: leave out sidecar.istio.io/inject",
        ),
        (
            {"podLabels": {"team": "a"}, "extraLabels": {"team": "b"}},
            "podLabels: leave out team, which extraLabels has",
        ),
        ({"config": {"bogus": 1}}, "'/config': additional properties 'bogus' not allowed"),
        ({"config": {"lame_duck": "soon"}}, "'/config/lame_duck'"),
        ({"config": {"lame_duck": "10"}}, "'/config/lame_duck'"),
        ({"config": {"dns": None}}, "'/config/dns': got null, want object"),
        ({"config": {"dns": {"workers": "many"}}}, "'/config/dns/workers'"),
        ({"config": {"vips": {"pools": ["x"]}}}, "'/config/vips/pools/0'"),
        ({"config": {"log": {"level": "loud"}}}, "'/config/log/level': value must be one of"),
        ({"config": {"clusters": {"a/b": {}}}}, "'/config/clusters': additional properties 'a/b'"),
        ({"config": {"dns": {"ttl": "30d"}}}, "'/config/dns/ttl': '30d' does not match"),
        ({"config": {"dns": {"ttl": "1500ms"}}}, "'/config/dns/ttl': '1500ms' does not match"),
        ({"config": {"vips": {"quarantine": "1s"}}}, "'/config/vips/quarantine': '1s' does not"),
        ({"config": {"vips": {"pools": ["10.0.0.0/33"]}}}, "'/config/vips/pools/0': '10.0.0.0/33'"),
        ({"config": {"dns": {"udp_payload": 100}}}, "'/config/dns/udp_payload': minimum: got 100"),
        ({"config": {"zones": []}}, "'/config/zones': minItems"),
        (
            {"config": {"zones": ["global", "svc.Cluster.local"]}},
            'config.zones[1]: "svc.cluster.local" would take cluster.local from the cluster',
        ),
        (
            {"config": {"zones": [{"name": "arpa.", "foreign": "fallthrough"}]}},
            'config.zones[0]: "arpa" would take in-addr.arpa from the cluster',
        ),
        (
            {"config": {"zones": [{"name": "local", "namespaces": ["shop", "cluster"]}]}},
            'config.zones[0]: "cluster.local" would take cluster.local from the cluster',
        ),
        ({"config": {"clusters": {"old": {"source": BOTH}}}}, "'/config/clusters/old/source'"),
        ({"config": {"routing": {"probes": {"key": "/k"}}}}, "'/config/routing/probes'"),
        (
            {"config": {"vips": {"quarantine": "4m"}}},
            "config.vips.quarantine: 4m is shorter than ten times dns.ttl, which is 30s",
        ),
        (
            {"config": {"vips": {"pools": ["10.4.0.0/13"]}}},
            "config.vips.pools: 10.4.0.0/13 has bits beyond its length",
        ),
        (
            {"config": {"clusters": {"east": {"source": {"directory": "/e"}}}}},
            "config.clusters.east.source.directory: leave it out",
        ),
        (
            {"config": {"clusters": {"old": {"control_plane": "none"}}}},
            'config.clusters.old.control_plane: "none" is no cluster',
        ),
        (
            {"config": {"clusters": {"old": {"lost": {"names": {"expire": "50s"}}}}}},
            "config.clusters.old.lost.names.expire: 50s is before the cluster is lost",
        ),
        (
            {"config": {"clusters": {"old": {"lost": {"endpoints": LOST_AT_ONCE}}}}},
            "config.clusters.old.lost.endpoints.expire: 1h is not after demote",
        ),
    ],
)
def test_a_mistake_in_the_values_is_named(
    values: dict[str, Any], expected: str, helm: Helm
) -> None:
    assert expected in refusal(helm, **values)


@pytest.mark.parametrize("path", FIXED)
def test_what_other_objects_say_too_cannot_be_set_beside_them(path: str, helm: Helm) -> None:
    value = _get(sample(Config), path)
    said = refusal(helm, config=_at(path, value))
    assert f"config.{path}: leave it out" in said
    assert FIXED[path] in said


def sample(annotation: Any) -> Any:
    """Return a value of a type, with every key that may be below it."""
    kind, limits = unwrap(annotation)
    if is_section(kind):
        others = ONE_OF.get(kind, ())[:-1]
        return {key.name: sample(key.type) for key in keys(kind) if key.name not in others}
    if (inner := element(kind)) is not None:
        return [sample(inner)]
    if (pair := entry(kind)) is not None:
        return {sample(pair[0]): sample(pair[1])}
    if words := choices(kind):
        return str(words[-1])
    if kind in TEXTS:
        text = TEXTS[kind]
        return text.example if limits.le is None else text.show(limits.le)
    return {bool: True, int: limits.le}.get(kind, "/etc/file")


def _get(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value[name]
    return value


def _at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    found: dict[str, Any] = value
    return found


def settable() -> dict[str, Any]:
    """Return every key of the configuration but those that the chart alone sets."""
    whole: dict[str, Any] = sample(Config)
    (cluster,) = whole["clusters"].values()
    cluster["lost"]["endpoints"]["demote"] = cluster["lost"]["after"]
    for path in FIXED:
        *above, last = path.split(".")
        del (_get(whole, ".".join(above)) if above else whole)[last]
    return whole


def sections(section: type[Section], *path: Any) -> Iterator[tuple[Any, ...]]:
    """Yield where in a sample the sections are."""
    yield path
    for key in keys(section):
        kind, _ = unwrap(key.type)
        inside = (*path, key.name)
        if (inner := element(kind)) is not None:
            kind, inside = inner, (*inside, 0)
        elif (pair := entry(kind)) is not None:
            kind, inside = pair[1], (*inside, sample(pair[0]))
        if is_section(kind):
            yield from sections(kind, *inside)


@pytest.mark.parametrize(
    "config",
    [
        {"vips": {"quarantine": "5m"}},
        {"dns": {"ttl": "1s", "negative_ttl": "2s"}, "vips": {"quarantine": "0.5m"}},
        {"vips": {"pools": ["10.4.0.0/14", "fd00::/64"], "reserved": ["10.4.0.1", "10.4.0.2/31"]}},
        {"clusters": {"old": {"control_plane": "east", "lost": {"names": "drop"}}}},
        {"clusters": {"old": {"lost": {"endpoints": {"demote": "60s", "expire": "61s"}}}}},
        {"routing": {"probes": {"interval": "0s"}}},
        {"zones": ["clusterset.local", {"name": "local", "namespaces": ["shop", "clusters"]}]},
        {"zones": [{"name": "global"}, {"name": "my-cluster.local", "namespaces": []}]},
    ],
)
def test_what_only_just_goes_together_is_taken(config: dict[str, Any], helm: Helm) -> None:
    done = helm.template(cluster="east", config=config)
    assert done.returncode == 0, done.stderr


def test_every_key_that_the_program_reads_is_taken(helm: Helm) -> None:
    done = helm.template(cluster="east", config=settable())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*sections(Config)], ids=lambda path: ".".join(map(str, path)))
def test_a_key_that_the_program_does_not_read_is_refused(path: tuple[Any, ...], helm: Helm) -> None:
    value = whole = sample(Config)
    for name in path:
        value = value[name]
    value["bogus"] = 1
    assert "'bogus' not allowed" in refusal(helm, config=whole)
