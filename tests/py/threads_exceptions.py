"""sys._current_exceptions: what every thread handles at one moment."""

import sys
import threading
import traceback

entered, leave = threading.Event(), threading.Event()


def outer():
    inner()


def inner():
    try:
        raise ValueError("oops")
    except ValueError:
        entered.set()
        leave.wait()


def idle():
    leave.wait()


threads = [threading.Thread(target=f) for f in (outer, idle)]
for t in threads:
    t.start()
entered.wait()
found = sys._current_exceptions()
print(sorted(map(repr, found.values())), found[threading.get_ident()])
try:
    1 / 0
except ZeroDivisionError as e:
    found = sys._current_exceptions()
    print(found[threading.get_ident()] is e, len(found))
e = found[threads[0].ident]
stack = [f.name for f in traceback.extract_stack(e.__traceback__.tb_frame)]
print(stack[-2:], [f.name for f in traceback.extract_tb(e.__traceback__)])
leave.set()
for t in threads:
    t.join()
print(repr(e), e.__traceback__.tb_frame.f_code.co_name, list(sys._current_exceptions().values()))

# Threads that raise and handle all the time.
stop, errors = threading.Event(), []


def work():
    def deep(n):
        if n == 0:
            raise KeyError(n)
        deep(n - 1)

    try:
        while not stop.is_set():
            try:
                deep(5)
            except KeyError as e:
                assert e.args == (0,) and e.__traceback__.tb_frame.f_code.co_name == "work"
                try:
                    deep(2)
                except KeyError as inner:
                    assert inner.__context__ is e
    except BaseException as e:
        errors.append(e)


threads = [threading.Thread(target=work) for _ in range(2)]
for t in threads:
    t.start()
kept = []
for _ in range(200):
    for e in sys._current_exceptions().values():
        if e is not None:
            assert type(e) is KeyError and e.__traceback__.tb_lineno
            kept.append(e)
stop.set()
for t in threads:
    t.join()
print(errors, {type(e).__name__ for e in kept} <= {"KeyError"})
