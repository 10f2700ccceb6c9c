"""What keeps documents from being written, as it is told of each host. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from globaldns.apply.routes.patience import Create, Delete, Step, step_key
from globaldns.apply.routes.standing import named
from globaldns.errors import ApiError, ApiRefused
from globaldns.istio.notices import Code, Notice
from globaldns.kube.resources import Resource
from globaldns.model.host import Host
from globaldns.objects.metadata import ObjectKey

_WORDS: dict[type[Step], str] = {Create: "created", Delete: "deleted"}


def tell_refused(step: Step, error: ApiError, remedy: str) -> Notice:
    """Return what is told of a step that the API server does not take."""
    key = step_key(step)
    name = step.standing.name if isinstance(step, Delete) else named(key, step.document.get("spec"))
    said = error.said if isinstance(error, ApiRefused) else str(error)
    return Notice(
        name or str(key),
        Code.UNWRITTEN,
        f"{key} is not {_WORDS.get(type(step), 'replaced')}: {said or error}",
        remedy,
    )


def tell_unread(resource: Resource, error: ApiError, remedy: str) -> Notice:
    """Return what is told while it is not known what stands of a kind."""
    return Notice(
        str(resource),
        Code.UNWRITTEN,
        f"no route is written, as what stands is not known: {error}",
        remedy,
    )


class Hindrances:
    """What is known of them, by host."""

    def __init__(self) -> None:
        self._of: dict[Host, dict[ObjectKey, Notice]] = {}

    @property
    def notices(self) -> Mapping[Host, tuple[Notice, ...]]:
        """What is told of each host."""
        return {host: self.of(host) for host in self._of}

    def of(self, host: Host) -> tuple[Notice, ...]:
        """Return what is told of a host."""
        return tuple(self._of.get(host, {}).values())

    def note(self, host: Host, key: ObjectKey, notice: Notice) -> bool:
        """Take note of one; return whether that is news."""
        notices = self._of.setdefault(host, {})
        if notices.get(key) == notice:
            return False
        notices[key] = notice
        return True

    def keep(self, host: Host, keys: Collection[ObjectKey]) -> dict[ObjectKey, Notice]:
        """Forget what is known of other objects than these of a host; return that."""
        notices = self._of.get(host, {})
        gone = {key: notices.pop(key) for key in [*notices] if key not in keys}
        if not notices:
            self._of.pop(host, None)
        return gone
