"""Credentials for the client library: a pod's service account, a kubeconfig file, or its text."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import (
    ConfigException,
    load_incluster_config,
    load_kube_config_from_dict,
)
from kubernetes_asyncio.config.kube_config import ConfigNode

from globaldns.errors import KubeconfigError
from globaldns.kube.kubeconfig import MAX_OCTETS, Access, check_foreign, parse_kubeconfig

PROGRAM_SECONDS = 30.0
"""How long a program may take that a kubeconfig has run for a token."""
_MORE_SECONDS = 5.0
"""How long all else may take: a provider of tokens is asked over HTTP."""
_RUN = """
import subprocess, sys
try:
    sys.exit(subprocess.run(sys.argv[2:], timeout=float(sys.argv[1])).returncode)
except subprocess.TimeoutExpired:
    sys.exit("it does not end")
except OSError as error:
    sys.exit(error.strerror)
"""
"""Runs a program, and ends it when its time is over: the library would leave it behind."""
_IN_POD = "KUBERNETES_SERVICE_HOST"
_BEARER = "BearerToken"
_SHOWN = 300
"""Characters of a reason in a message."""
_UNUSABLE = (
    *(ConfigException, OSError, LookupError, TypeError, ValueError),
    *(AttributeError, AssertionError),
)
"""What the library raises at files and kubeconfigs that are not as it expects."""


async def configure(access: Access) -> Configuration:
    """Return the client library's configuration; files are read now.

    Raises:
        KubeconfigError: they cannot be used.
    """
    try:
        async with asyncio.timeout(PROGRAM_SECONDS + _MORE_SECONDS):
            if access.text is None and access.path is None:
                return _of_pod()
            return await _of_kubeconfig(access)
    except _UNUSABLE as error:
        raise KubeconfigError(
            f"{access.name} cannot be used: {str(error)[:_SHOWN] or type(error).__name__}",
            hint="kubectl --kubeconfig FILE get namespaces shows whether it is right",
        ) from None


def _of_pod() -> Configuration:
    if _IN_POD not in os.environ:
        raise KubeconfigError(
            "there is no service account here: this runs in no pod",
            hint="name a kubeconfig: source: {kubernetes: {kubeconfig: PATH}}",
        )
    configuration = Configuration()
    load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # the library's
    return configuration


async def _of_kubeconfig(access: Access) -> Configuration:
    configuration = Configuration()
    nowhere, base = configuration.host, None
    if access.text is None:
        config, base = _read_file(access)
    else:
        config = parse_kubeconfig(access.text)
        if not access.may_run:
            check_foreign(config)
    await load_kube_config_from_dict(
        config_dict=ConfigNode("it", _bounded(config), base),  # beside it lies what it names
        context=access.context or None,
        client_configuration=configuration,
    )
    if configuration.host == nowhere:
        raise KubeconfigError(f"{access.name} names no server")
    if _BEARER in configuration.api_key:  # files of tokens end with a newline
        configuration.api_key[_BEARER] = configuration.api_key[_BEARER].strip()
    return configuration


def _read_file(access: Access) -> tuple[Mapping[str, Any], str]:
    """Return a kubeconfig of our own machine, and where it is."""
    path = Path(access.path or "").expanduser()
    with path.open(encoding="utf-8") as file:
        text = file.read(MAX_OCTETS + 1)
    try:
        return parse_kubeconfig(text), str(path)
    except KubeconfigError as error:
        raise KubeconfigError(f"{access.name} cannot be used: {error}", hint=error.hint) from None


def _bounded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kubeconfig whose programs end after a while."""
    users = config.get("users")
    if not isinstance(users, list):
        return dict(config)
    return {**config, "users": [_with_bounded_program(entry) for entry in users]}


def _with_bounded_program(entry: Any) -> Any:
    match entry:
        case {"user": {"exec": {"command": str(command)} as program} as user}:
            run = ["-c", _RUN, str(PROGRAM_SECONDS), command]
            args = [*run, *(str(one) for one in program.get("args") or ())]
            ended = {**program, "command": sys.executable, "args": args}
            return {**entry, "user": {**user, "exec": ended}}
        case _:
            return entry
