"""What is written into the local cluster for people and for sidecars.

``globalservices`` writes one GlobalService per service. What is to stand there is decided by pure
functions of what the registry knows and what was seen in the cluster.
"""
