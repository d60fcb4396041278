"""The error that `chromahint.config` raises for a user's mistake."""


class ConfigError(ValueError):
    """An invalid choice or value. The message says what was given, what is allowed, and what to type."""
