"""The exceptions that mean: the user can mend this."""


class InputError(Exception):
    """Bad params, data, models or surroundings. Its text is the one line that the user reads."""
