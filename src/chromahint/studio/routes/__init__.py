"""The HTTP API of the studio: one file per topic, one method per route."""
