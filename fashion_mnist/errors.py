"""The one exception that means: the user can mend this."""


class InputError(Exception):
    """Bad params, data, model or surroundings; its text is the one line that the user reads."""
