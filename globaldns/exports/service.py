"""A Service into an export: by its annotation, a ServiceExport, or its namespace's label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from globaldns.errors import InvalidObject
from globaldns.exports.context import Context
from globaldns.exports.endpoints import service_endpoints
from globaldns.exports.keeping import Store
from globaldns.exports.marks import annotated_pins
from globaldns.exports.ownership import refuse_namespace
from globaldns.exports.problem import Problem, as_problem, not_routed, warning
from globaldns.exports.protocols import service_protocol
from globaldns.exports.workload_validation import MAX_PORT
from globaldns.model.export import Export, ExportKind, Origin, Port, Transport
from globaldns.model.host import service_host
from globaldns.objects import ObjectKey
from globaldns.objects.kubernetes import (
    EndpointSlice,
    Namespace,
    Service,
    ServiceExport,
    ServicePort,
)

_EXTERNAL_NAME = "ExternalName"
_YES, _NO = "true", "false"


def port_name(port: ServicePort) -> str:
    """Return what a port is called here; a Service with one port need not name it."""
    return port.name or f"port-{port.port}"


def refuse_service(service: Service) -> Iterator[Problem]:
    """Yield what an API server, or we, would refuse of a Service."""
    names: set[str] = set()
    for index, port in enumerate(service.spec.ports):
        path = f"$.spec.ports[{index}]"
        if not 1 <= port.port <= MAX_PORT:
            yield Problem("port-range", f"{path}.port", f"port {port.port} is not in 1..{MAX_PORT}")
        if port_name(port) in names:
            yield Problem(
                "duplicate-port", f"{path}.name", f"port name {port_name(port)!r} is taken"
            )
        names.add(port_name(port))
    try:
        annotated_pins(service.metadata)
    except InvalidObject as error:
        yield as_problem(error)


def is_exported(service: Service, *, store: Store, context: Context) -> bool:
    """Whether a Service is to be exported; its own annotation comes first."""
    settings = context.rules.exports
    metadata = service.metadata
    word = metadata.annotations.get(settings.annotation)
    if word in {_YES, _NO}:
        return word == _YES
    if settings.service_exports:
        wish = store.get(ServiceExport, metadata.namespace, metadata.name)
        if wish is not None:
            return True
    namespace = store.get(Namespace, "", metadata.namespace)
    return namespace is not None and namespace.metadata.labels.get(settings.annotation) == _YES


def export_service(
    service: Service,
    origin: Origin,
    slices: Iterable[EndpointSlice],
    *,
    store: Store,
    context: Context,
) -> tuple[Export | None, list[Problem]]:
    """Return the export of a Service, if it is one, and what is wrong with it."""
    rules = context.rules
    problems = list(_warn_annotation(service, rules.exports.annotation))
    if not is_exported(service, store=store, context=context):
        return None, problems
    refusal = _refuse_type(service) or refuse_namespace(service.metadata.namespace, rules)
    if refusal is not None:
        return None, [*problems, refusal]
    export = Export(
        cluster=rules.cluster,
        host=service_host(origin.name, origin.namespace),
        kind=ExportKind.SERVICE,
        origin=origin,
        created_at=service.metadata.created_at,
        ports=context.shared.share(tuple([_port(port) for port in service.spec.ports])),
        pins=annotated_pins(service.metadata),
        endpoints=service_endpoints(service, slices, store=store, context=context),
    )
    return export, [*problems, *_warn_transports(service)]


def warn_missing(service: ObjectKey) -> Problem:
    """Return the warning about a ServiceExport whose Service does not exist."""
    return warning(
        "no-service",
        "$.metadata.name",
        f"there is no {service} to export",
        "create the Service, or delete the ServiceExport",
    )


def _port(port: ServicePort) -> Port:
    transport = Transport(port.protocol.lower())
    return Port(port.port, port_name(port), service_protocol(port), transport)


def _refuse_type(service: Service) -> Problem | None:
    if service.spec.type != _EXTERNAL_NAME:
        return None
    return Problem(
        "external-name",
        "$.spec.type",
        "an ExternalName Service is an alias without endpoints, and is not exported",
        "export the Service that it stands for, or write a ServiceEntry",
    )


def _warn_annotation(service: Service, name: str) -> Iterator[Problem]:
    word = service.metadata.annotations.get(name)
    if word is None and name in service.metadata.labels:
        yield warning(
            "export-label",
            f'$.metadata.labels["{name}"]',
            f"{name} is a label here, which on a Service says nothing",
            "move it to metadata.annotations",
        )
    if word not in {None, _YES, _NO}:
        yield warning(
            "export-annotation",
            f'$.metadata.annotations["{name}"]',
            f'{word!r} is neither "true" nor "false"',
            f'write "{_YES}" or "{_NO}"',
        )


def _warn_transports(service: Service) -> Iterator[Problem]:
    for index, port in enumerate(service.spec.ports):
        transport = Transport(port.protocol.lower())
        if transport is not Transport.TCP:
            yield not_routed(f"$.spec.ports[{index}].protocol", port.port, transport)
