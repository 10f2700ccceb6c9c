"""Mutual TLS: who an Envoy is, whom it believes, and the files that both are read from.

Certificates are secrets of two small files that never change: they name the PEM files, which are
read again when anything is renamed into their folder. So they rotate without a new document.

An Envoy that does not find them the first time watches nothing, and looks at a secret again only
where the document's words are others. So once they are there the folder is spelled otherwise.

Standards:
    envoy.extensions.transport_sockets.tls.v3: Secret, UpstreamTlsContext, DownstreamTlsContext
    SPIFFE X.509-SVID section 2: the id is the one URI among the subject's alternative names
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from globaldns.envoy.encoding import (
    Document,
    encode,
    extension,
    file_source,
    frozen,
    response,
    typed,
)
from globaldns.envoy.rules import Credentials

CERTIFICATE = "certificate"
AUTHORITY = "authority"
_FILE_NAMES = {CERTIFICATE: "sds-certificate.json", AUTHORITY: "sds-authority.json"}

_TLS = "envoy.extensions.transport_sockets.tls.v3"
_SOCKET = "envoy.transport_sockets.tls"


def pem_files(credentials: Credentials) -> dict[str, tuple[str, ...]]:
    """Return the paths of the PEM files that each secret is read from."""
    return {
        CERTIFICATE: (credentials.certificate, credentials.key),
        AUTHORITY: (credentials.authority,),
    }


def secret_files(credentials: Credentials, turned: Container[str] = ()) -> dict[str, bytes]:
    """Return the documents of both secrets by their files' names.

    Those ``turned`` say the same in other words.
    """
    pair = {
        "certificate_chain": {"filename": credentials.certificate},
        "private_key": {"filename": credentials.key},
        "watched_directory": _folder_of(credentials.certificate, is_turned=CERTIFICATE in turned),
    }
    roots = {
        "trusted_ca": {"filename": credentials.authority},
        "watched_directory": _folder_of(credentials.authority, is_turned=AUTHORITY in turned),
    }
    documents = {
        CERTIFICATE: typed(f"{_TLS}.Secret", name=CERTIFICATE, tls_certificate=pair),
        AUTHORITY: typed(f"{_TLS}.Secret", name=AUTHORITY, validation_context=roots),
    }
    return {_FILE_NAMES[name]: response([encode(one)]) for name, one in documents.items()}


def upstream_socket(
    folder: str, *, server_name: str, alpn: Iterable[str], identities: Iterable[str]
) -> Document:
    """Return the socket of a client that believes these SPIFFE ids of the mesh's root alone."""
    names = [{"san_type": "URI", "matcher": {"exact": one}} for one in identities]
    context = _context(folder, names, alpn)
    return extension(
        _SOCKET, f"{_TLS}.UpstreamTlsContext", sni=server_name, common_tls_context=context
    )


def downstream_socket(folder: str, *, trust_domain: str, alpn: Iterable[str]) -> Document:
    """Return the socket of a server that takes callers of a trust domain and its root alone.

    Others fail in the handshake, before an octet of theirs or of the application's is passed on.
    """
    names = [{"san_type": "URI", "matcher": {"prefix": f"spiffe://{trust_domain}/"}}]
    return extension(
        _SOCKET,
        f"{_TLS}.DownstreamTlsContext",
        common_tls_context=_context(folder, names, alpn),
        require_client_certificate=True,
    )


def _context(folder: str, names: list[Document], alpn: Iterable[str]) -> Document:
    return {
        "alpn_protocols": [*alpn],
        "tls_certificate_sds_secret_configs": [_source(folder, CERTIFICATE)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": names},
            "validation_context_sds_secret_config": _source(folder, AUTHORITY),
        },
    }


@lru_cache(maxsize=16)
def _source(folder: str, name: str) -> msgspec.Raw:
    path = str(PurePosixPath(folder, _FILE_NAMES[name]))
    return frozen({"name": name, "sds_config": file_source(path)})


def _folder_of(path: str, *, is_turned: bool) -> Document:
    folder = str(PurePosixPath(path).parent)
    return {"path": f"{folder}/." if is_turned else folder}
