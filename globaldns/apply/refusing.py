"""Why what a person wrote into a GlobalService is not obeyed, as its status tells. Pure."""

from __future__ import annotations

import msgspec

from globaldns.apply.facts import FINE, Refusal
from globaldns.apply.seen import Seen
from globaldns.errors import InvalidObject
from globaldns.exports.declared import read_policy
from globaldns.exports.rules import ExportRules
from globaldns.model.address import Address
from globaldns.model.export import Origin
from globaldns.model.view import Policy
from globaldns.objects import decode
from globaldns.objects.own import GlobalService
from globaldns.registry.findings import explain_pin
from globaldns.registry.registry import Registry

MAX_AHEAD_SECONDS = 86400
"""A wish for another number is of now; clocks differ, and time zones are mistaken."""


def judge_spec(seen: Seen, registry: Registry, rules: ExportRules, *, now: int) -> Refusal | None:
    """Return whether what a person wrote is obeyed; None: nobody wrote anything that counts."""
    if not seen.has_spec or seen.is_elsewhere:
        return None
    try:
        policy = _read(seen, rules)
        _refuse_future(seen.renumber, now)
    except InvalidObject as error:
        fix = f" (fix: {error.hint})" if error.hint else ""
        return Refusal(error.code, f"{error.path}: {error}{fix}; what was obeyed before it stands")
    pins = policy.pins if policy else ()
    return next((_refuse_pin(pin, registry) for pin in _unusable(pins, seen, registry)), FINE)


def _read(seen: Seen, rules: ExportRules) -> Policy | None:
    """Return what a spec says.

    Raises:
        InvalidObject: it says nothing that can be obeyed.
    """
    place = seen.place
    value = {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": GlobalService.kind,
        "metadata": {"name": place.name, "namespace": place.namespace},
        "spec": msgspec.json.decode(seen.spec),
    }
    found = decode(value)
    if not isinstance(found, GlobalService):
        return None
    return read_policy(found, Origin(GlobalService.kind, place.namespace, place.name), rules)


def _refuse_future(renumber: int | None, now: int) -> None:
    if renumber is not None and renumber > now + MAX_AHEAD_SECONDS:
        raise InvalidObject(
            "lies in the future, so that no later wish would be obeyed",
            path="$.spec.renumber",
            code="renumber-time",
            hint="write the present time, as globaldns vip renumber does",
        )


def _unusable(pins: tuple[Address, ...], seen: Seen, registry: Registry) -> list[Address]:
    claimed = {claim.vip for claim in registry.claims.of_host(seen.host) if not claim.is_retired}
    return [pin for pin in pins if pin not in claimed and not registry.numbering.may_pin(pin)]


def _refuse_pin(pin: Address, registry: Registry) -> Refusal:
    reason, fix = explain_pin(pin, registry)
    return Refusal("pin-outside", f"$.spec.pins: {reason} (fix: {fix})")
