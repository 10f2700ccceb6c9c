"""Values that everything else speaks in: frozen, hashable, no I/O, no clock."""
