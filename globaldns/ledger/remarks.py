"""What is odd about objects in our ledger's place: strangers, and those that others wrote too."""

from __future__ import annotations

import logging
from collections.abc import Container

import msgspec

from globaldns.model.finding import Finding, Severity
from globaldns.objects.own import VIPLedger

logger = logging.getLogger(__name__)


class Remark(msgspec.Struct, frozen=True):
    """What is odd about one, and what to do."""

    reason: str
    hint: str
    severity: Severity = Severity.WARNING


OF_ANOTHER = Remark(
    "is of another ledger than the first object, or says that it was begun in the future",
    "it is written anew with what it says: see who has written it",
)
"""What is odd about an object that has another marker than the ledger."""


class Remarks:
    """All that there are, by object's name."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._noted: dict[str, Remark] = {}

    def note(self, name: str, remark: Remark | None) -> None:
        """Take what is odd about an object now; None: nothing. News are logged."""
        if remark is None:
            self._noted.pop(name, None)
        elif self._noted.get(name) != remark:
            self._noted[name] = remark
            logger.warning(
                "an object in the ledger's place is odd",
                extra={"object": name, "reason": remark.reason, "fix": remark.hint},
            )

    def keep(self, names: Container[str]) -> None:
        """Forget all objects but these."""
        for name in [name for name in self._noted if name not in names]:
            del self._noted[name]

    def findings(self) -> tuple[Finding, ...]:
        """Return them all, by name."""
        return tuple(
            Finding(
                remark.severity,
                "ledger-object",
                remark.reason,
                object=f"{VIPLedger.kind} {name}",
                hint=remark.hint,
                cluster=self._cluster,
            )
            for name, remark in sorted(self._noted.items())
        )
