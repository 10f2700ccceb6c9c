"""The state directory: who holds it, and files in it that are whole or refused."""

from globaldns.state.directory import StateDirectory
from globaldns.state.lock import Holder, Lock

__all__ = ["Holder", "Lock", "StateDirectory"]
