"""Everything for which an object is refused as it comes, so that its last good version stands."""

from __future__ import annotations

from globaldns.errors import InvalidObject
from globaldns.exports.marks import VIP, annotated_pins
from globaldns.exports.problem import Problem, as_problem
from globaldns.exports.rules import ExportRules
from globaldns.exports.service import refuse_service
from globaldns.exports.service_entry import pins_of
from globaldns.exports.validation import refusals
from globaldns.exports.workload_validation import refuse_workload
from globaldns.objects import Object
from globaldns.objects.istio import ServiceEntry, WorkloadEntry
from globaldns.objects.kubernetes import Service


def refuse(resource: Object, rules: ExportRules, *, is_valid: bool = False) -> list[Problem]:
    """Return all that is wrong with an object; ``is_valid``: Istio finds nothing in an entry."""
    match resource:
        case ServiceEntry():
            problems = [] if is_valid else refusals(resource)
            return problems or _refuse_records(resource, rules)
        case WorkloadEntry():
            return list(refuse_workload(resource.spec, "$.spec"))
        case Service():
            return [*refuse_service(resource), *_refuse_service_records(resource, rules)]
        case _:
            return []


def _refuse_records(entry: ServiceEntry, rules: ExportRules) -> list[Problem]:
    problems = _too_many_ports(entry, rules)
    if not entry.spec.addresses and not entry.metadata.annotations:
        return problems
    try:
        pins = len(pins_of(entry))
    except InvalidObject as error:
        return [*problems, as_problem(error)]
    if pins > rules.records_per_name:
        problems.append(_too_many("addresses", pins, rules))
    return problems


def _refuse_service_records(service: Service, rules: ExportRules) -> list[Problem]:
    problems = _too_many_ports(service, rules)
    try:
        pins = len(annotated_pins(service.metadata))
    except InvalidObject:
        return problems  # told by ``refuse_service``
    if pins > rules.records_per_name:
        problems.append(_too_many("pins", pins, rules, at=f'$.metadata.annotations["{VIP}"]'))
    return problems


def _too_many_ports(resource: ServiceEntry | Service, rules: ExportRules) -> list[Problem]:
    ports = len(resource.spec.ports)
    return [_too_many("ports", ports, rules)] if ports > rules.records_per_name else []


def _too_many(what: str, count: int, rules: ExportRules, *, at: str = "") -> Problem:
    return Problem(
        "too-many-records",
        at or f"$.spec.{what}",
        f"has {count} {what}, {rules.records_per_name} are allowed",
        "raise dns.limits.records_per_name",
    )
