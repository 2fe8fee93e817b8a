"""What keeps a process from starting: an operator's mistake, said in words instead of a traceback."""


class CannotStart(Exception):
    """The process cannot start; the message says what the operator has to change."""
