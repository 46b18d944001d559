"""Policies: kept, drafted, checked, put in force, and tried with other figures."""
