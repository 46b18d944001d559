"""The tasks: thin, with retries and time limits, each calling one service."""
