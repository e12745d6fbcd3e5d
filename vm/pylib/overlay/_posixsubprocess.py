"""Starting processes: refused until it is built (docs/differences.md)."""


def fork_exec(*args):
    raise PermissionError(1, "Typhon cannot start processes yet")
