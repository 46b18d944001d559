"""The console: where people do their part of the cycle. Routers by who uses them; every action calls a service."""
