"""Interpreters beside this one (PEP 734): scripts, calls, queues, and what does not cross."""

import threading
from concurrent import interpreters
from concurrent.futures import InterpreterPoolExecutor


def five():
    return 5


def double(x):
    return x * 2


def fails(x):
    raise KeyError(x)


def uses_globals(x):
    return double(x) + 1


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(self) is type(other) and self.x == other.x


def attempt(f):
    try:
        print("got", f())
    except Exception as e:
        print(type(e).__name__, e)


def scripts():
    interp = interpreters.create()
    print(interp.whence, interpreters.get_main().whence, interp.is_running())
    queue = interpreters.create_queue()
    interp.prepare_main(q=queue, n=4, words=("a", b"b", None, 2.5, 1 << 40))
    interp.exec("import sys\nq.put(n * 2)\nq.put((words, __name__))\nseen = len(sys.modules)\n")
    print(queue.get(), queue.get())
    interp.exec("q.put('seen' in globals())")
    print(queue.get())
    try:
        interp.exec("def f():\n    raise ValueError('x')\nf()")
    except interpreters.ExecutionFailed as e:
        print(repr(e))
        print(e)
        print(e.excinfo.type.__name__, e.excinfo.msg, e.excinfo.formatted)
    attempt(lambda: interp.exec("1 +"))
    attempt(lambda: interp.exec(3))
    attempt(lambda: interp.prepare_main(x=[]) or 1)
    attempt(lambda: interpreters.get_main().exec("1"))
    attempt(lambda: interpreters.get_main().close())
    interp.close()
    attempt(lambda: interp.exec("1"))
    attempt(lambda: interpreters.Interpreter(1000))
    print(interpreters.list_all() == [interpreters.get_current()])


def calls():
    interp = interpreters.create()
    print(interp.call(five), interp.call(double, "ab"), interp.call(len, [1, 2]), interp.call(lambda: (1, [2])))
    try:
        interp.call(fails, 3)
    except interpreters.ExecutionFailed as e:
        print(e.excinfo.formatted, repr(e))
    attempt(lambda: interp.call(lambda: threading.Lock()))
    t = interp.call_in_thread(double, 3)
    t.join()
    interp.close()


def queues():
    queue = interpreters.create_queue(2)
    queue.put({"a": [1]})
    queue.put((1, queue))
    print(queue.full(), queue.qsize(), queue.maxsize)
    try:
        queue.put_nowait(1)
    except interpreters.QueueFull as e:
        print("is full" in str(e))
    print(queue.get(), queue.get()[1] is queue)
    try:
        queue.get_nowait()
    except interpreters.QueueEmpty as e:
        print("is empty" in str(e))
    interp = interpreters.create()
    interp.prepare_main(q=queue)
    interp.exec("q.put([7])")
    interp.close()
    print(queue.get())
    shareable = [None, True, 1, 2.5, "a", b"a", (1, 2), [1], {}, queue, 1 << 100, five, len, ..., object()]
    print([interpreters.is_shareable(x) for x in shareable])


def both_at_once():
    one, two = interpreters.create(), interpreters.create()
    back, forth = interpreters.create_queue(), interpreters.create_queue()
    for interp in (one, two):
        interp.prepare_main(back=back, forth=forth)
    threads = [
        threading.Thread(target=one.exec, args=("for i in range(5):\n    forth.put(i)\n    assert back.get() == i * i",)),
        threading.Thread(target=two.exec, args=("for i in range(5):\n    back.put(forth.get() ** 2)",)),
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("over", back.empty(), forth.empty())
    one.close()
    two.close()


def named():
    import _thread

    return _thread._get_name()[:10]


def pool():
    with InterpreterPoolExecutor(2) as executor:
        print(list(executor.map(pow, [1, 2, 3], [2, 2, 2])))
        print(executor.submit(double, 21).result())
        print(executor.submit(named).result())
        future = executor.submit(int, "x")
        print(type(future.exception()).__name__, future.exception())


scripts()
calls()
queues()
both_at_once()
pool()
