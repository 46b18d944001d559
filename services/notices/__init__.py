"""Notices: what is told to whom, queued once in the outbox and delivered by mail."""
