"""Threads that import the same modules at the same time see them whole."""
import sys
import tempfile
import threading
from pathlib import Path

folder = tempfile.TemporaryDirectory()
here = Path(folder.name)
sys.path.insert(0, folder.name)


def together(count, work):
    barrier, out = threading.Barrier(count), [None] * count

    def body(n):
        barrier.wait()
        try:
            out[n] = work(n)
        except BaseException as error:
            out[n] = f"{type(error).__name__}: {error}"

    threads = [threading.Thread(target=body, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out


def slow(name, text):
    (here / name).parent.mkdir(exist_ok=True)
    (here / name).write_text(f"import time\ntime.sleep(0.05)\n{text}\n")


# A codec, whose package and module nobody has asked for.
print(together(4, lambda n: "abc".encode("punycode")))


def library(n):
    import decimal, json.decoder, xml.etree.ElementTree
    from collections import namedtuple, OrderedDict
    from concurrent import futures

    return decimal.Decimal.__name__, json.decoder.JSONDecoder.__name__, futures.Future.__name__


print(together(4, library))

slow("once.py", "import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\nlast = 7")


def once(n):
    import once

    return once.last


print(together(4, once), sys.runs)

slow("pack/__init__.py", "from . import inner\nname = 'pack'")
slow("pack/inner.py", "value = 3")


def dotted(n):
    if n % 2:
        import pack.inner

        return pack.name, pack.inner.value
    from pack import name, inner

    return name, inner.value


print(together(4, dotted))

# One that fails fails for all, who each try for themselves.
slow("broken.py", "import sys\nsys.tries = getattr(sys, 'tries', 0) + 1\n1 / 0")


def broken(n):
    import broken


print(together(3, broken), sys.tries)

# Two that import each other end, whatever they see of each other.
slow("left.py", "import right\nname = 'left'")
slow("right.py", "import left\nname = 'right'")


def circle(n):
    __import__(("left", "right")[n])


print(together(2, circle), sys.modules["left"].name, sys.modules["right"].name)
folder.cleanup()
