"""Enterprises: registering, what they may expect, invitations to those who qualify."""
