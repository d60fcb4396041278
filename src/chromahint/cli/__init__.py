"""The `chromahint` command, with one file per subcommand."""
