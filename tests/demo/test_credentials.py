"""The box's certificates are one root's."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509

from globaldns.demo.credentials import show, write_credentials
from globaldns.demo.layout import AUTHORITY, CERTIFICATE, KEY, Layout
from globaldns.demo.plan import CLUSTER_NAMES, WORKLOADS, client_id
from globaldns.tasks import wall_clock
from globaldns.trust.verification import read_root, verify_path

NOW = wall_clock()


def shown(layout: Layout, name: str) -> str:
    """Who an Envoy is, as its certificate says."""
    data = (layout.certificates(name) / CERTIFICATE).read_bytes()
    names = x509.load_pem_x509_certificates(data)[0].extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    [uri] = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return uri


def test_all_share_a_root_that_nothing_is_wrong_with(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_credentials(layout, NOW)
    paths = (layout.trust, *(layout.trust / name for name in CLUSTER_NAMES))
    assert [verify_path(path, NOW).faults for path in paths] == [()] * len(paths)
    assert {shown(layout, name) for name in CLUSTER_NAMES} == {*map(client_id, CLUSTER_NAMES)}
    for one in WORKLOADS:
        folder = layout.certificates(one.name)
        assert folder.exists() is one.is_mutual
        if one.is_mutual:
            assert shown(layout, one.name) == one.service.spiffe_id
            assert {file.name for file in folder.iterdir()} == {AUTHORITY, CERTIFICATE, KEY}


def test_another_identity_takes_the_place_of_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_credentials(layout, NOW)
    show(layout, "east", read_root(layout.trust, NOW), client_id("nobody"), NOW)
    assert shown(layout, "east") == client_id("nobody")
