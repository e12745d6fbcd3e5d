"""A BytesIO that is read into a part of itself, and a standard output that is closed before the end."""
import io
import sys

with io.BytesIO(b'abcdefgh') as stream:
    with stream.getbuffer()[2:] as target:
        print(stream.readinto(target))
    print(stream.getvalue(), stream.tell())
    stream.seek(4)
    with stream.getbuffer()[:6] as target:
        print(stream.readinto(target), stream.readinto(target))
    print(stream.getvalue())
sys.stdout.close()
