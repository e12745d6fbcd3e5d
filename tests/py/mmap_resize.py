"""Mappings that grow: those whose pages nobody has are refused, not left to a SIGBUS."""

import mmap
import tempfile


def tries(name, m, *sizes):
    for size in sizes:
        try:
            m.resize(size)
            print(name, len(m), m[len(m) - 1])
        except (ValueError, TypeError, OSError) as e:
            print(name, type(e).__name__, e)


page = mmap.PAGESIZE
tries("shared", mmap.mmap(-1, page), 2 * page, 100, 50, page)
tries("private", mmap.mmap(-1, page, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), 2 * page, 100)
with tempfile.TemporaryFile() as f:
    f.write(b"x" * page)
    f.flush()
    tries("file", mmap.mmap(f.fileno(), page), 2 * page, 100)
    f.truncate(page)
    tries("untracked", mmap.mmap(f.fileno(), page, trackfd=False), 2 * page, 100)
    tries("copied", mmap.mmap(f.fileno(), page, access=mmap.ACCESS_COPY), 2 * page)
    tries("private file", mmap.mmap(f.fileno(), page, flags=mmap.MAP_PRIVATE), 2 * page)
