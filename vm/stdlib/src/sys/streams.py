import _io


class HostRaw(_io._RawIOBase):
    """One standard stream of an isolate that has no file descriptors."""

    def __init__(self, fd, name, mode):
        self._fd = fd
        self.name = name
        self.mode = mode

    def readable(self):
        return self._fd == 0

    def writable(self):
        return self._fd != 0

    def fileno(self):
        raise _io.UnsupportedOperation("fileno")

    def isatty(self):
        return False

    def write(self, data):
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        return host_write(self._fd, data)

    def readinto(self, buffer):
        data = host_read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def open_stream(name, process, unbuffered):
    fd = {"stdin": 0, "stdout": 1, "stderr": 2}[name]
    write = fd != 0
    shown = f"<{name}>"
    tty = False
    if process:
        try:
            raw = _io.FileIO(fd, "wb" if write else "rb", closefd=False)
        except OSError:
            return None
        raw.name = shown
        tty = raw.isatty()
    else:
        raw = HostRaw(fd, shown, "wb" if write else "rb")
    if not write:
        buffered = _io.BufferedReader(raw)
    elif unbuffered:
        buffered = raw
    else:
        buffered = _io.BufferedWriter(raw)
    errors = "backslashreplace" if fd == 2 else "strict"
    text = _io.TextIOWrapper(
        buffered,
        encoding="utf-8",
        errors=errors,
        newline="\n" if write else None,
        line_buffering=tty or fd == 2,
        write_through=unbuffered and write,
    )
    text.mode = "w" if write else "r"
    return text
