"""What each document shows, read from the record: a module per document."""
