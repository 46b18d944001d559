"""What the bureau does: a plain function per business operation, one transaction each."""
