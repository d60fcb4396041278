"""The one kind of error that the config room raises for a user's mistake."""


class ConfigError(ValueError):
    """A choice that cannot be carried out; the message says what came, what is allowed and what to type."""
