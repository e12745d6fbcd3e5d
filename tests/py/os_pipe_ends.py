"""The wrong end of a pipe is refused at once, instead of being waited for."""
import io
import os

r, w = os.pipe()
for f in [lambda: os.write(r, b'x'), lambda: os.read(w, 1), lambda: os.writev(r, [b'x']), lambda: io.FileIO(r, 'w', closefd=False).write(b'x'),
          lambda: io.FileIO(w, 'r', closefd=False).read(1)]:
    try:
        print(f())
    except OSError as e:
        print(type(e).__name__, e)
print(os.write(w, b'x'), os.read(r, 1))
