"""Whether the clusters are configured alike in what all must have alike."""

from __future__ import annotations

from globaldns.registry.registry import Registry


def differing_settings(registry: Registry) -> dict[str, tuple[str, ...]]:
    """Return, by cluster, which settings its ledger says to be others there than ours."""
    ours, views = registry.settings.fingerprint, registry.views
    found = {
        cluster: ours.differing(views.cluster(cluster).ledger.fingerprint)
        for cluster in sorted(views.keepers)
    }
    return {cluster: settings for cluster, settings in found.items() if settings}
