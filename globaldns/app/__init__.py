"""The one place that constructs and wires.

``settings`` cuts the configuration into what each component gets. ``offline changing ledgers`` are
for commands without a server. The rest is a server: ``sources`` runs what reads the clusters;
``mesh`` takes its changes through the registry, ``writing`` into the ledger and ``publication``
into the zones; ``memory`` remembers it all for the next start; ``reloading`` follows the
configuration file; ``readiness figures readings`` say how it stands; ``serving`` starts and stops
everything.
"""
