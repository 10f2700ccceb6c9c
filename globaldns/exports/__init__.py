"""One cluster's objects into what it exports: decisions only, no clock and no I/O."""

from globaldns.exports.cluster import ClusterExports
from globaldns.exports.rules import ExportRules

__all__ = ["ClusterExports", "ExportRules"]
