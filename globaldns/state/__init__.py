"""The state directory: who holds it, and files in it that are whole or refused."""

from globaldns.state.directory import StateDirectory
from globaldns.state.lock import Holder, Lock, is_in_place

__all__ = ["Holder", "Lock", "StateDirectory", "is_in_place"]
