"""What Envoys that no istiod configures are told: documents of the xDS protocol, in files. Pure.

Endpoints stand inside their clusters, not in files for EDS. An Envoy takes one file for EDS per
cluster (of one for all it says ``Unexpected EDS resource length``) and one inotify instance per
file, also with ``watched_directory``, so that it aborts where a user has no more of them (128 by
default, fs.inotify.max_user_instances). Clusters, listeners and two secrets are four files.

The price: a changed endpoint has all of ``cds.json`` read, 0.2 s of a core for 1,000 clusters, and
its cluster replaced. Connections of the old one, and requests under way, go on to their end; those
of HTTP that are idle are closed, and who was ejected is tried again.
"""
