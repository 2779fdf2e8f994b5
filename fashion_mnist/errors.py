"""The exceptions that mean: the user can fix this."""


class InputError(Exception):
    """Bad params, data, models or surroundings. Its text is the one line that the user reads."""
