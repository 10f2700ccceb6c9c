"""The views that every cluster's last run left, until its source has spoken."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from globaldns.app.memory import pass_over
from globaldns.app.rules import cluster_rules
from globaldns.app.settings import zone_names
from globaldns.config.schema import Config
from globaldns.errors import StateError
from globaldns.model.head import Uids
from globaldns.model.view import ClaimSet, Doubt, Freshness, SourceState, View
from globaldns.sources.remembered import FORMAT, decode_view, file_name
from globaldns.state import StateDirectory


def load_view(state: StateDirectory, config: Config, cluster: str) -> View | None:
    """Return a cluster's remembered view, of what it may still export; None: there is none."""
    try:
        payload = state.read_checked(file_name(cluster), version=FORMAT)
        return None if payload is None else allowed_view(decode_view(payload, cluster), config)
    except StateError as error:
        pass_over(f"view of {cluster}", error)
        return None


def forget_view(state: StateDirectory, cluster: str) -> None:
    """Forget what a cluster said last, and which cluster it was.

    Raises:
        StateError: it is still known.
    """
    state.remove(file_name(cluster))


def allowed_view(view: View, config: Config) -> View:
    """Return a view without the exports that its cluster may not have any more."""
    rules, zones = cluster_rules(config)[view.cluster], zone_names(config)
    exports = tuple(export for export in view.exports if rules.may_export(export.host, zones))
    return msgspec.structs.replace(view, exports=exports)


def load_views(state: StateDirectory, config: Config) -> dict[str, View]:
    """Return the remembered views of the configured clusters; those that there are."""
    views = {cluster: load_view(state, config, cluster) for cluster in config.clusters}
    return {cluster: view for cluster, view in views.items() if view is not None}


def recognized(views: Mapping[str, View], known: Mapping[str, str]) -> dict[str, View]:
    """Return those views that are of the clusters that are known by their names, by UID."""
    return {name: view for name, view in views.items() if known.get(name, view.uid) == view.uid}


def view_uids(views: Mapping[str, View]) -> Uids:
    """Return which cluster each view is of, by UID, where it says so."""
    return tuple(sorted((cluster, view.uid) for cluster, view in views.items() if view.uid))


def unread_view(cluster: str, ledger: ClaimSet, uid: str = "") -> View:
    """Return the view of a cluster of which its ledger is known, and which one it is, at most."""
    freshness = Freshness(cluster, SourceState.WAITING, doubt=Doubt.PARTIAL)
    return View(cluster, ledger=ledger, freshness=freshness, uid=uid)


def with_ledgers(views: dict[str, View], copies: Mapping[str, ClaimSet]) -> dict[str, View]:
    """Return views with the copies of their clusters' ledgers: each says what the other lacks.

    Of a cluster without a view nothing but its ledger is known.
    """
    alone = {name: unread_view(name, copies[name]) for name in copies.keys() - views.keys()}
    return {
        cluster: msgspec.structs.replace(
            view, ledger=copies.get(cluster, view.ledger).united(view.ledger)
        )
        for cluster, view in (views | alone).items()
    }
