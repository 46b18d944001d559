"""Files from outside: read apart, scanned, kept."""
