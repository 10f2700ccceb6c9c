"""Every exception that globaldns raises on purpose.

GlobalDnsError                  message: lower case, no full stop, says what, where and what to do
 |- ConfigError                 every problem of one configuration file
 |   |- ConfigUnreadable        there is no such file, or it cannot be read
 |- DocumentError               a YAML or JSON text that cannot be read, with its line
 |- InvalidAddress              a text that is no IP address
 |- InvalidHost                 a text that is no host of a served zone
 |- InvalidValue                a text of the configuration that is not what its key wants
 |- InvalidObject               one object that is refused, with the path inside it
 |- WireError                   a DNS message that cannot be parsed
 |- StateError                  the state directory: locked, unwritable, damaged
 |   |- StateLocked             another process holds it
 |- LedgerError                 the ledger: damaged, too new, lost, not writable
 |   |- LedgerDamaged           it is no whole ledger; a person must say what becomes of it
 |- ListenError                 an address that cannot be bound
 |- TakeoverError               a server that runs cannot be followed by this one
 |- CertificateError            a certificate, or its key, that cannot be used or made
 |- ServerError                 a server gave no answer, or one that cannot be read
 |   |- ServerUnreachable       nothing answers there
 |- ApiError                    an API server cannot be asked, or does not answer
 |   |- ApiRefused              it answered that it does not do that, with its status
 |   |- KubeconfigError         credentials that cannot be used
 |- StubError                   a cluster's DNS configuration that is not edited as it stands
 |- RequestRefused              something a person asked for that cannot be done
"""

from __future__ import annotations


class GlobalDnsError(Exception):
    """Base of all errors that a user can do something about; ``hint`` says what."""

    hint: str = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or self.hint


class ConfigError(GlobalDnsError):
    """A configuration that cannot be used; ``problems`` has one finished line each."""

    def __init__(self, path: str, problems: tuple[str, ...]) -> None:
        count = f"{len(problems)} problem" + ("s" if len(problems) != 1 else "")
        super().__init__(
            "\n".join((f"{path}: {count}", *(f"  {problem}" for problem in problems))),
            hint="globaldns schema prints every key with its type and default; "
            "to ask a server that runs: --server URL",
        )
        self.path = path
        self.problems = problems


class ConfigUnreadable(ConfigError):
    """A configuration file that is not there, or cannot be read."""

    def __init__(self, path: str, reason: str, *, hint: str) -> None:
        super().__init__(path, (reason,))
        self.args = (f"{path}: {reason}",)
        self.hint = hint


class DocumentError(GlobalDnsError):
    """A text that is neither YAML nor JSON as we read it; ``line`` counts from 1, 0 is unknown."""

    def __init__(self, reason: str, *, line: int = 0, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.line = line


class InvalidAddress(GlobalDnsError):
    """A text that is no IPv4 or IPv6 address."""


class InvalidHost(GlobalDnsError):
    """A text that cannot be a host of a served zone."""


class InvalidValue(GlobalDnsError):
    """A text of the configuration that is not what its key wants."""


class InvalidObject(GlobalDnsError):
    """An object that is refused; ``path`` is the JSON path inside it, ``code`` the finding's."""

    def __init__(self, reason: str, *, path: str, code: str, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.path = path
        self.code = code


class WireError(GlobalDnsError):
    """A DNS message that is not answered with data; ``rcode`` is what it is answered with."""

    def __init__(self, message: str, *, rcode: int) -> None:
        super().__init__(message)
        self.rcode = rcode


class StateError(GlobalDnsError):
    """A state directory or a file in it that cannot be used."""


class StateLocked(StateError):
    """Another process holds the state directory; the message names its pid."""


class LedgerError(GlobalDnsError):
    """A ledger that cannot be read or written."""


class LedgerDamaged(LedgerError):
    """A ledger that is not whole; a person must say what becomes of it."""


class ListenError(GlobalDnsError):
    """An address that cannot be listened on."""


class TakeoverError(GlobalDnsError):
    """A server that runs cannot be followed by this one."""


class CertificateError(GlobalDnsError):
    """A certificate that cannot be used or made; ``is_key`` says that its key is what is wrong."""

    def __init__(self, message: str, *, is_key: bool = False, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.is_key = is_key


class ServerError(GlobalDnsError):
    """A server that a command asked gave no answer, or one that cannot be read."""


class ServerUnreachable(ServerError):
    """Nothing answers at the address of a server that a command asked."""


class ApiError(GlobalDnsError):
    """An API server that cannot be reached, or gives no answer in time."""


class ApiRefused(ApiError):
    """An API server's Status that is no success; ``status`` is HTTP's, ``reason`` Kubernetes'.

    ``causes`` are Kubernetes' reasons in detail; ``said`` is what it said, without what it was
    asked.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        causes: tuple[str, ...] = (),
        retry_after: float = 0.0,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.said = said
        self.status = status
        self.reason = reason
        self.causes = causes
        self.retry_after = retry_after


class KubeconfigError(ApiError):
    """Credentials for an API server that cannot be used."""


class StubError(GlobalDnsError):
    """A DNS configuration that is left as it is; ``code`` is stable, for programs.

    ``line`` and ``column`` count from 1 in its text and begin the message; 0 is nowhere.
    """

    def __init__(
        self, reason: str, *, code: str, line: int = 0, column: int = 0, hint: str = ""
    ) -> None:
        place = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{place}{reason}", hint=hint)
        self.reason = reason
        self.code = code
        self.line = line
        self.column = column


class RequestRefused(GlobalDnsError):
    """A request of a person that would break a rule; nothing was changed."""
