"""Payments: ordered, made, taken in from the treasuries."""
