"""What Envoys that no istiod configures are told: documents of the xDS protocol, in files. Pure.

Endpoints stand inside their clusters: an Envoy takes one inotify instance for each file it follows,
and EDS one file for each cluster, so that it aborts where a user has no more of them (128 by
default, fs.inotify.max_user_instances). Clusters, listeners and two secrets are four files.
"""
