"""What was granted before: ledgers, and what was found to be the same."""
