"""The routes of a running server: which are to be looked at, and what they are to say.

Only a server whose own cluster is read from an API server writes any, and only where that cluster
has an istiod of its own; replicated Services it writes in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from globaldns.app.membership import listed_access
from globaldns.app.mesh import Mesh
from globaldns.app.routes import incoming_of, make_site
from globaldns.app.rules import withdraw_seconds
from globaldns.app.settings import zone_names
from globaldns.app.sources import Sources
from globaldns.app.surroundings import istiods_of
from globaldns.app.writing import WritableLedger
from globaldns.config.schema import Config
from globaldns.istio.gateway import Exposure, make_gateway
from globaldns.istio.notices import Code, Notice
from globaldns.istio.routes import Route, Site, make_route
from globaldns.model.claim import format_time
from globaldns.model.explanation import RouteProgress
from globaldns.model.export import Gateway
from globaldns.model.host import Host, namespace_of
from globaldns.model.reach import Reach, are_looked_up
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry

if TYPE_CHECKING:
    from globaldns.app.lookout import Lookout
    from globaldns.apply.routes.patience import Wanted
    from globaldns.apply.routes.routes import Routes
    from globaldns.kube.resources import Resource

_NO_HOSTS: frozenset[Host] = frozenset()


class RouteWiring(msgspec.Struct, frozen=True):
    """What of a server routes are made from."""

    mesh: Mesh
    ledger: WritableLedger
    config: Callable[[], Config]
    sources: Sources
    reach: Callable[[], Mapping[Gateway, Reach]]
    count: Callable[[str], None]


class RouteBook:
    """What is wanted for every host now."""

    def __init__(self, wiring: RouteWiring) -> None:
        self.notices: dict[Host, tuple[Notice, ...]] = {}
        """What is not served, of every host that was looked at: by who writes, that is all."""
        self._wiring = wiring
        self._registry = wiring.mesh.registry
        self._site = self._make_site()
        self._exposure = self._make_exposure()
        self._were_looked_up = False
        """Whether every gateway's name was, once: from then on one alone has its hosts wait."""

    def take_in(self, delta: Delta) -> bool:
        """Take in what a turn has changed; return whether the Gateway may have to be another."""
        return self._exposure.take_in(delta.services, delta.removed)

    @property
    def is_settled(self) -> bool:
        """Whether VIPs are decided, and every gateway's name of the start was looked up.

        Before that a route would lose who is behind such a name, and have it back a moment later.
        A name that comes later has nobody wait but whom it leads to (``Wanted.unresolved``).
        """
        if not self._registry.is_settled:
            return False
        self._were_looked_up |= are_looked_up(self._wiring.reach())
        return self._were_looked_up

    def renew(self) -> Iterable[Host]:
        """Look at what all routes depend on; return the hosts that have others now."""
        former, self._site = self._site, self._make_site()
        site, services = self._site, self._registry.services
        if incoming_of(self._wiring.config(), site) != self._exposure.incoming:
            self._exposure = self._make_exposure()
            return (*services, Host(""))
        if (former.services is None) != (site.services is None) or site != msgspec.structs.replace(
            former, namespaces=site.namespaces, leaving=site.leaving, services=site.services
        ):
            return (*services, Host(""))
        changed = (former.namespaces ^ site.namespaces) | (former.leaving ^ site.leaving)
        inside = (host for host in services if namespace_of(host) in changed) if changed else ()
        return [*inside, *((former.services or _NO_HOSTS) ^ (site.services or _NO_HOSTS))]

    def wanted(self, host: Host) -> Wanted:
        """Return what is wanted for a host, or for what is about none."""
        from globaldns.apply.routes.patience import Fate, Wanted  # noqa: PLC0415  # as below

        if not host:
            return self._wanted_for_all()
        service = self._registry.services.get(host)
        if service is None:
            self.notices.pop(host, None)
            is_known = self._wiring.mesh.publication.snapshot.complete
            return Wanted(Fate.WITHDRAW if is_known else Fate.STAND)
        own = self._registry.views.cluster(self._site.settings.cluster).exports.get(host)
        route = make_route(service, own, self._site)
        self._note(host, route)
        match route.skipped:
            case None:
                documents = (one for bundle in route.bundles for one in bundle.documents)
                # A namespace is made with the first that is to stand in it.
                kept = (one for one in documents if one["kind"] != "Namespace")
                return Wanted(Fate.WRITE, tuple(kept), route.unresolved)
            case Code.UNANSWERED | Code.UNHEARD:
                return Wanted(Fate.STAND)
            case Code.OWN_ENTRY:
                return Wanted(Fate.END)
            case _:
                return Wanted(Fate.WITHDRAW)

    def _wanted_for_all(self) -> Wanted:
        from globaldns.apply.routes.patience import Fate, Wanted  # noqa: PLC0415  # as below

        if hosts := self._exposure.hosts:
            return Wanted(Fate.WRITE, (make_gateway(self._site.settings, hosts),))
        return Wanted(Fate.WITHDRAW)

    def _note(self, host: Host, route: Route) -> None:
        if route.notices:
            self.notices[host] = route.notices
        else:
            self.notices.pop(host, None)

    def _make_exposure(self) -> Exposure:
        incoming = incoming_of(self._wiring.config(), self._site)
        return Exposure(incoming, self._registry.services.values())

    def _make_site(self) -> Site:
        wiring = self._wiring
        return site_of(wiring.config(), self._registry, wiring.sources, wiring.reach())


def site_of(
    config: Config, registry: Registry, sources: Sources, reach: Mapping[Gateway, Reach]
) -> Site:
    """Return what all routes of our own cluster depend on now."""
    own = sources.sources.get(config.cluster)
    return make_site(config, registry.views, config.cluster, reach, own)


class RouteNews:
    """Tells routes what a turn has changed."""

    def __init__(
        self,
        routes: Routes,
        book: RouteBook,
        lookout: Lookout,
        rest_reason: Callable[[], str | None],
    ) -> None:
        """Tell them; ``rest_reason`` says why none are written here, None where none are at all."""
        self.routes = routes
        self.book = book
        self.lookout = lookout
        self._rest_reason = rest_reason

    @property
    def notices(self) -> Mapping[Host, tuple[Notice, ...]]:
        """What is not served of which host; nothing where another replica writes."""
        if self._rest_reason() != "":
            return {}
        served, hindered = self.book.notices, self.routes.hindered
        return {**served, **{host: (*served.get(host, ()), *hindered[host]) for host in hindered}}

    def progress(self, host: Host, now: int) -> RouteProgress | None:
        """Return whether the routes of a host stand; None: none are written."""
        reason = self._rest_reason()
        if reason is None:
            return None
        if reason:
            return RouteProgress("elsewhere", reason=reason)
        found = self.routes.progress(host)
        since = "" if found.seconds is None else format_time(now - round(found.seconds))
        return RouteProgress(found.stage, since, found.reason)

    def tell(self, delta: Delta) -> None:
        """Tell of a turn."""
        about_all = (Host(""),) if self.book.take_in(delta) else ()
        hosts = dict.fromkeys(service.host for service in delta.services)
        self.routes.note((*hosts, *delta.removed, *about_all))


def make_route_news(wiring: RouteWiring) -> RouteNews | None:
    """Return what tells routes of turns; None: there are none to write."""
    config, mesh, ledger = wiring.config(), wiring.mesh, wiring.ledger
    registry = mesh.registry
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        return None
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.applying import kept_resources  # noqa: PLC0415
    from globaldns.app.lookout import Lookout  # noqa: PLC0415
    from globaldns.apply.routes.patience import Rules  # noqa: PLC0415
    from globaldns.apply.routes.routes import Routes  # noqa: PLC0415
    from globaldns.apply.routes.term import TermSeams, TermSettings  # noqa: PLC0415
    from globaldns.kube.client import Client  # noqa: PLC0415

    def resources() -> tuple[Resource, ...]:
        return kept_resources(wiring.config())

    def rules() -> Rules:
        now = wiring.config()
        return Rules(
            weight_step=now.routing.weight_step_percent / 100,
            withdraw_seconds=withdraw_seconds(now),
        )

    def rest_reason() -> str | None:
        return ledger.rest_reason if resources() else None

    book = RouteBook(wiring)
    seams = TermSeams(
        resources=resources,
        wanted=book.wanted,
        hosts=lambda: registry.services,
        zones=lambda: zone_names(wiring.config()),
        renew=book.renew,
        is_settled=lambda: book.is_settled,
        may_write=lambda: rest_reason() == "",
        rate=lambda: wiring.config().routing.writes_per_second,
        rules=rules,
        count=wiring.count,
    )
    settings = TermSettings(config.cluster)
    routes = Routes(Client(access), settings, seams, ledger.until_writable)
    lookout = Lookout(Client(access), lambda: istiods_of(wiring.config()))
    return RouteNews(routes, book, lookout, rest_reason)
