"""Who is believed, and where certificates are read from."""

from __future__ import annotations

import json
from typing import Any

from globaldns.envoy.encoding import encode
from globaldns.envoy.rules import Credentials
from globaldns.envoy.secrets import downstream_socket, secret_files, upstream_socket


def context(socket: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(encode(socket))["typed_config"]
    return decoded


def test_a_secret_a_file_and_each_is_read_again_when_its_folder_changes() -> None:
    files = secret_files(Credentials("/certs/cert.pem", "/certs/key.pem", "/roots/root.pem"))
    secrets = {name: json.loads(text)["resources"] for name, text in files.items()}
    [pair], [roots] = secrets["sds-certificate.json"], secrets["sds-authority.json"]
    assert pair["tls_certificate"]["watched_directory"] == {"path": "/certs"}
    assert pair["tls_certificate"]["private_key"] == {"filename": "/certs/key.pem"}
    assert roots["validation_context"]["watched_directory"] == {"path": "/roots"}
    assert roots["validation_context"]["trusted_ca"] == {"filename": "/roots/root.pem"}


def test_a_client_believes_these_identities_alone() -> None:
    made = upstream_socket("/x", server_name="sni", alpn=["istio"], identities=["spiffe://a/b"])
    found = context(made)
    assert found["sni"] == "sni"
    shared = found["common_tls_context"]
    assert shared["alpn_protocols"] == ["istio"]
    validation = shared["combined_validation_context"]
    assert validation["default_validation_context"]["match_typed_subject_alt_names"] == [
        {"san_type": "URI", "matcher": {"exact": "spiffe://a/b"}}
    ]
    source = validation["validation_context_sds_secret_config"]["sds_config"]
    assert source["path_config_source"] == {"path": "/x/sds-authority.json"}


def test_a_server_wants_a_certificate_of_the_trust_domain() -> None:
    found = context(downstream_socket("/x", trust_domain="mesh.example", alpn=["h2"]))
    assert found["require_client_certificate"] is True
    validation = found["common_tls_context"]["combined_validation_context"]
    assert validation["default_validation_context"]["match_typed_subject_alt_names"] == [
        {"san_type": "URI", "matcher": {"prefix": "spiffe://mesh.example/"}}
    ]


def test_a_secret_in_other_words_is_of_the_same_files_and_folder() -> None:
    credentials = Credentials("/certs/cert.pem", "/certs/key.pem", "/roots/root.pem")
    plain = secret_files(credentials)
    turned = secret_files(credentials, {"certificate"})
    assert turned["sds-authority.json"] == plain["sds-authority.json"]
    [pair], [other] = (
        json.loads(one["sds-certificate.json"])["resources"] for one in (plain, turned)
    )
    assert other["tls_certificate"].pop("watched_directory") == {"path": "/certs/."}
    assert pair["tls_certificate"].pop("watched_directory") == {"path": "/certs"}
    assert other == pair
