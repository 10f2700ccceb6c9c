"""What a listener does with a connection: pass its bytes on, or route its requests by their host.

Standards:
    envoy.extensions.filters.network: tcp_proxy.v3.TcpProxy,
        http_connection_manager.v3.HttpConnectionManager
    RFC 9110 section 15.5.20   421 (Misdirected Request)
    RFC 9110 section 9.2.1, 9.2.2   safe methods, and what a proxy may send again
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from globaldns.envoy.encoding import Document, address, extension, frozen, typed

OUTBOUND = "outbound"
INBOUND = "inbound"
"""Prefixes of statistics: one for all of a direction, or thousands of services fill the memory."""

_HTTP = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"

_ROUTER = frozen(
    extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router")
)
_SAFE: Document = {
    "headers": [
        {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS|TRACE"}}}
    ]
}


def _retry(on: str) -> msgspec.Raw:
    return frozen(
        {
            "retry_on": on,
            "num_retries": 2,
            "retry_host_predicate": [
                extension(
                    "envoy.retry_host_predicates.previous_hosts",
                    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
                )
            ],
            "host_selection_retry_max_attempts": "5",
            # The first retry stays as near, the second goes to the next priority: a rank that has
            # just died costs no request, before any of its endpoints is ejected.
            "retry_priority": extension(
                "envoy.retry_priorities.previous_priorities",
                "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                update_frequency=2,
            ),
        }
    )


_UNDONE = "connect-failure,refused-stream,unavailable,reset-before-request"
_RETRIES = _retry(_UNDONE)
"""Of requests of which no octet has reached an application, or which it has refused."""
_SAFE_RETRIES = _retry(f"{_UNDONE},reset")
"""Of requests that change nothing: also where a connection ended before there was an answer."""


def pass_on(cluster: str, direction: str) -> Document:
    """Return the filter that passes bytes on to a cluster."""
    return extension(
        "envoy.filters.network.tcp_proxy",
        _TCP,
        stat_prefix=direction,
        cluster=cluster,
        # An endpoint that is the last of its rank and dead is ejected by the first of them; the
        # pauses are for that to be known, so that the others come to the next rank.
        max_connect_attempts=5,
        backoff_options={"base_interval": "0.02s", "max_interval": "0.1s"},
    )


def route_by_host(
    name: str, domains: Sequence[str], *, cluster: str | None, absence: str
) -> Document:
    """Return the filter that routes a service's requests, with or without a port in their host.

    ``absence`` is the body of a 503 where there is no cluster. A request for another host is
    misdirected: its client has an address from somewhere else than the name.
    """
    routes: list[Document] = [
        {
            "match": {"prefix": "/"},
            "direct_response": {"status": 503, "body": {"inline_string": absence}},
        }
    ]
    if cluster is not None:
        to = {"cluster": cluster, "timeout": "0s"}
        routes = [
            {"match": {"prefix": "/", **_SAFE}, "route": {**to, "retry_policy": _SAFE_RETRIES}},
            {"match": {"prefix": "/"}, "route": {**to, "retry_policy": _RETRIES}},
        ]
    misdirected = f"this address is that of {name}: no such host is here\n"
    hosts = [
        {"name": name, "domains": [*domains], "routes": routes},
        {
            "name": "misdirected",
            "domains": ["*"],
            "routes": [
                {
                    "match": {"prefix": "/"},
                    "direct_response": {"status": 421, "body": {"inline_string": misdirected}},
                }
            ],
        },
    ]
    return _http(
        OUTBOUND,
        hosts,
        http_protocol_options={"accept_http_10": True, "default_host_for_http_10": domains[0]},
    )


def take_requests(cluster: str) -> Document:
    """Return the filter that gives all requests to the application of this machine.

    It is told who calls in ``x-forwarded-client-cert``, of which nothing is believed that came in.
    """
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}
    return _http(
        INBOUND,
        [{"name": INBOUND, "domains": ["*"], "routes": [route]}],
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"subject": True, "uri": True, "dns": True},
    )


def _http(direction: str, virtual_hosts: list[Document], **more: object) -> Document:
    """Return the filter for HTTP; times are the applications' business, as in Istio."""
    return extension(
        "envoy.filters.network.http_connection_manager",
        _HTTP,
        stat_prefix=direction,
        route_config={
            "name": direction,
            "virtual_hosts": virtual_hosts,
            "ignore_port_in_host_matching": True,
            # A listener may come a moment before its cluster, or go a moment after it.
            "validate_clusters": False,
        },
        http_filters=[_ROUTER],
        stream_idle_timeout="0s",
        strip_trailing_host_dot=True,
        server_header_transformation="PASS_THROUGH",
        upgrade_configs=[{"upgrade_type": "websocket"}],
        **more,
    )


def tls_inspector() -> Document:
    """Return the listener filter that reads a server name without ending TLS."""
    return extension(
        "envoy.filters.listener.tls_inspector",
        "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
    )


def http_inspector() -> Document:
    """Return the listener filter that tells HTTP from anything else."""
    return extension(
        "envoy.filters.listener.http_inspector",
        "envoy.extensions.filters.listener.http_inspector.v3.HttpInspector",
    )


def listener(
    name: str, host: str, port: int, direction: str, chains: Sequence[Document], **more: object
) -> Document:
    """Return a listener, bound whether its address is this machine's already or not.

    All threads share its socket: one each would be as many times the files of a large mesh, and a
    second Envoy would take half of the connections and not be refused.
    """
    return typed(
        "envoy.config.listener.v3.Listener",
        name=name,
        address=address(host, port),
        freebind=True,
        enable_reuse_port=False,
        traffic_direction=direction.upper(),
        filter_chains=[*chains],
        **more,
    )
