"""The roots that the clusters of a configuration believe, read once, without a server.

istiod writes them into a ConfigMap of every namespace; that of the system namespace is read, and
no Secret. A cluster's directory is looked at for the same ConfigMap.

Standards:
    Istio ``istio-ca-root-cert``: ``data["root-cert.pem"]`` is PEM, of several roots in a rotation
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import msgspec

from globaldns.config.schema import Config
from globaldns.errors import ApiError, ApiRefused, CertificateError, DocumentError
from globaldns.objects.kubernetes import ConfigMap
from globaldns.sources.configmaps import find_config_map
from globaldns.trust.pem import parse_roots
from globaldns.trust.roots import Bundle

NAME = "istio-ca-root-cert"
KEY = "root-cert.pem"

_decoder = msgspec.json.Decoder(ConfigMap)


def read_roots(config: Config) -> tuple[Bundle, ...]:
    """Return what each cluster believes, or why that is not known, sorted by cluster."""
    place = f"ConfigMap {config.system_namespace}/{NAME}"
    found = {
        str(cluster): _read_directory(str(cluster), settings.source.directory, config)
        for cluster, settings in config.clusters.items()
        if settings.source.directory is not None
    }
    found |= {
        cluster: _read_answer(cluster, answer, place) for cluster, answer in _ask(config).items()
    }
    return tuple(bundle for _, bundle in sorted(found.items()))


def _ask(config: Config) -> Mapping[str, bytes | ApiError]:
    """Return what API servers answer; remote secrets add clusters that are not listed."""
    sources = [settings.source for settings in config.clusters.values()]
    if all(source.directory for source in sources) and config.remote_secrets.directory is None:
        return {}
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.reaching import ask_servers, find_members  # noqa: PLC0415
    from globaldns.kube.resources import CONFIG_MAPS  # noqa: PLC0415

    config, remote = find_members(config)
    return ask_servers(config, remote, CONFIG_MAPS.path("v1", config.system_namespace, NAME))


def _read_directory(cluster: str, directory: Path, config: Config) -> Bundle:
    namespace = config.system_namespace
    try:
        found = find_config_map(directory, namespace, NAME)
    except DocumentError as error:
        return Bundle(cluster, reason=str(error), hint=error.hint)
    if found is None:
        reason = f"{directory} has no ConfigMap {namespace}/{NAME}"
        return Bundle(cluster, reason=reason, hint=_export(namespace))
    return _read(cluster, found, f"ConfigMap {namespace}/{NAME}")


def _export(namespace: str) -> str:
    return f"put what kubectl get configmap {NAME} -n {namespace} -o yaml prints there"


def _read_answer(cluster: str, answer: bytes | ApiError, place: str) -> Bundle:
    if isinstance(answer, ApiError):
        return Bundle(cluster, reason=str(answer), hint=_remedy(answer))
    try:
        return _read(cluster, _decoder.decode(answer), place)
    except msgspec.MsgspecError as error:
        return Bundle(cluster, reason=f"{place}: an answer that is no ConfigMap: {error}")


def _remedy(error: ApiError) -> str:
    match error:
        case ApiRefused(status=HTTPStatus.NOT_FOUND):
            return "istiod writes it at its start: is it there, and system_namespace its namespace"
        case ApiRefused(status=HTTPStatus.FORBIDDEN):
            return f"allow get of configmaps named {NAME}, as the chart's globaldns-reader does"
        case _:
            return error.hint


def _read(cluster: str, found: ConfigMap, place: str) -> Bundle:
    text = (found.data or {}).get(KEY)
    if text is None:
        return Bundle(cluster, reason=f"{place} has no {KEY}")
    try:
        return Bundle(cluster, parse_roots(text.encode(), f"{KEY} of {place}"))
    except CertificateError as error:
        return Bundle(cluster, reason=str(error), hint=error.hint)
