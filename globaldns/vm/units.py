"""The units of a machine: serve, the sidecar Envoy, and the routes of the pools. Pure.

Standards:
    systemd.service(5), systemd.exec(5), ip-route(8)
"""

from __future__ import annotations

from ipaddress import ip_network
from math import ceil
from pathlib import Path

from globaldns.envoy.book import LISTENERS
from globaldns.envoy.bootstrap import CONCURRENCY
from globaldns.envoy.rules import Role
from globaldns.vm.machine import STATE, Machine
from globaldns.vm.words import ENVOY_USER, SERVE_USER, directories, line, sandbox, unit

SERVE_UNIT = "globaldns.service"
POOLS_UNIT = "globaldns-pools.service"
ENVOY_UNIT = "globaldns-envoy.service"

BOOTSTRAP = Path("/etc/globaldns/envoy.yaml")
ADMIN_SOCKET = Path("/run/globaldns-envoy/admin.sock")

_PORT_RIGHT = "CAP_NET_BIND_SERVICE"
_STOP_SECONDS = 15
"""Beyond the lame duck: to save what is known, and to send the last replies."""
_FILES = 524_288
"""What an Envoy may have open, as systemd allows it by default; a service with two ports takes 2,
and each connection 2 more."""
_AGAIN = (("Restart", "always"), ("RestartSec", "2"))
_FOR_EVER = ("StartLimitIntervalSec", "0")
"""A machine whose network comes late is started all the same."""
_MULTI_USER = (("WantedBy", "multi-user.target"),)


def serve_unit(machine: Machine) -> str:
    """Return the unit that answers DNS, and keeps the documents of the Envoy."""
    command = ("serve", "--config", machine.config)
    stop = ceil(machine.lame_duck_seconds) + _STOP_SECONDS
    return unit(
        {
            "Unit": (
                ("Description", "Names and virtual IPs of the mesh (globaldns)"),
                ("After", "network.target"),
                ("Wants", "nss-lookup.target"),
                ("Before", "nss-lookup.target"),
                _FOR_EVER,
            ),
            "Service": (
                ("Type", "exec"),
                ("ExecStart", line(machine.programs.globaldns, *command)),
                ("ExecReload", "kill -HUP $MAINPID"),
                ("KillMode", "mixed"),
                ("TimeoutStopSec", str(stop)),
                *_AGAIN,
                *directories((machine.state, machine.documents), STATE),
                *sandbox(
                    *("AF_INET", "AF_INET6", "AF_UNIX"),
                    user=SERVE_USER,
                    capabilities=_PORT_RIGHT if machine.has_privileged_port else "",
                ),
            ),
            "Install": _MULTI_USER,
        }
    )


def pools_unit(machine: Machine) -> str:
    """Return the unit that routes the pools to the machine itself while it is active."""
    return unit(
        {
            "Unit": (
                ("Description", "Routes of virtual IPs to this machine (globaldns)"),
                ("After", "network-pre.target"),
            ),
            "Service": (
                ("Type", "oneshot"),
                ("RemainAfterExit", "yes"),
                *(("ExecStart", line(*_route("replace", pool))) for pool in machine.pools),
                *(("ExecStop", f"-{line(*_route('del', pool))}") for pool in machine.pools),
                *sandbox("AF_NETLINK", capabilities="CAP_NET_ADMIN"),
            ),
            "Install": _MULTI_USER,
        }
    )


def envoy_unit(machine: Machine) -> str:
    """Return the unit of the sidecar Envoy, which waits for its documents and for the routes."""
    last = machine.documents / Role.SIDECAR / LISTENERS
    options = ("--concurrency", str(CONCURRENCY), "--disable-hot-restart", "-l", "warning")
    return unit(
        {
            "Unit": (
                ("Description", "Envoy that carries what is sent to virtual IPs (globaldns)"),
                ("Requires", POOLS_UNIT),
                ("Wants", SERVE_UNIT),
                ("After", f"network.target {POOLS_UNIT} {SERVE_UNIT}"),
                _FOR_EVER,
            ),
            "Service": (
                ("Type", "exec"),
                ("ExecStartPre", _wait_for(last)),
                ("ExecStart", line(machine.programs.envoy, "-c", BOOTSTRAP, *options)),
                *_AGAIN,
                ("RuntimeDirectory", ADMIN_SOCKET.parent.name),
                ("LimitNOFILE", str(_FILES)),
                *sandbox(
                    *("AF_INET", "AF_INET6", "AF_UNIX"),
                    user=ENVOY_USER,
                    capabilities=_PORT_RIGHT,
                ),
            ),
            "Install": _MULTI_USER,
        }
    )


def _route(verb: str, pool: str) -> tuple[str, ...]:
    family = ("-6",) if ip_network(pool).version == 6 else ()  # noqa: PLR2004  # IP's version
    return ("ip", *family, "route", verb, "local", pool, "dev", "lo")


def _wait_for(path: Path) -> str:
    """Return a command that ends once a file is there: an Envoy without its documents aborts."""
    return line("sh", "-c", 'until test -e "$0"; do sleep 0.2; done', path)
