"""One application: drafted, handed in, examined, shown."""
