"""What is watched: alerts, figures, logs, readiness."""
