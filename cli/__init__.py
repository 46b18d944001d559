"""The `duixian` command: a module a group of commands, each thin over the services."""
