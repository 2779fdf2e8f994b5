"""The exceptions that mean: the user can fix this."""

LONGEST = 1000  # letters of a line; C++ libraries and pasted values have more
HEAD = 700


class InputError(Exception):
    """Bad params, data, models or surroundings. Its text is the one line that the user reads.

    A long text loses its middle: its head names the file or key, its end says what to do.
    """

    def __init__(self, text: str) -> None:
        line = printable(text)
        if len(line) > LONGEST:
            line = f"{line[:HEAD]} ... {line[HEAD + 5 - LONGEST :]}"
        super().__init__(line)


def printable(text: str) -> str:
    """Return a text in which line ends and what steers a terminal are written as escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
