"""Sources: each reads one cluster and says what it exports, and how fresh that is."""
