"""The year: its stages, gates, days, reminders, and what it waits for."""
