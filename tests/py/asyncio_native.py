"""_asyncio: futures, tasks and the running loop, against CPython's C module."""
import _asyncio
import asyncio
import gc
import weakref


def t(f, *a):
    try:
        print(f(*a))
    except BaseException as e:
        print(type(e).__name__, e)


for f in (_asyncio._enter_task, _asyncio._leave_task, _asyncio._swap_current_task):
    t(f, 1, 2)
t(_asyncio.get_running_loop)
_asyncio._set_running_loop(5)
t(_asyncio.get_running_loop)
for f, *a in (
    (_asyncio._enter_task, 5, 2), (_asyncio._enter_task, 5, 3), (_asyncio._leave_task, 5, 3), (_asyncio._enter_task, 6, 3),
    (_asyncio._leave_task, 6, 3), (_asyncio._swap_current_task, 5, 9), (_asyncio._swap_current_task, 6, 9),
    (_asyncio.current_task,), (_asyncio.current_task, 5), (_asyncio.current_task, 7), (_asyncio._swap_current_task, 5, None),
    (_asyncio._leave_task, 5, 3),
):
    t(f, *a)
_asyncio._set_running_loop(None)
t(_asyncio._get_running_loop)

f = _asyncio.Future.__new__(_asyncio.Future)
for name in ("result", "exception", "cancel", "done", "get_loop", "cancelled", "_make_cancelled_error"):
    t(getattr(f, name))
for call in (lambda: f.set_result(1), lambda: f.set_exception(1), lambda: f.add_done_callback(1), lambda: f.remove_done_callback(1)):
    t(call)
for name in ("_state", "_loop", "_callbacks", "_result", "_exception", "_log_traceback", "_source_traceback", "_cancel_message",
             "_asyncio_future_blocking", "_asyncio_awaited_by"):
    t(getattr, f, name)
t(iter, f)
t(repr, f)

loop = asyncio.new_event_loop()
f = loop.create_future()
f.extra = 1
print(f.extra)
f.add_done_callback(print)
f.add_done_callback(len)
print([c[0] for c in f._callbacks], f.remove_done_callback(print), [c[0] for c in f._callbacks])
for name, value in (("_log_traceback", True), ("_log_traceback", 0), ("_asyncio_future_blocking", 3), ("_cancel_message", 4)):
    t(setattr, f, name, value)
for name in ("_log_traceback", "_asyncio_future_blocking", "_cancel_message"):
    t(delattr, f, name)
print(f._asyncio_future_blocking, f._cancel_message)
it = iter(f)
t(next, it)
t(it.send, None)
f = loop.create_future()
it = iter(f)
t(next, it)
f.set_result(4)
t(next, it)
t(next, it)
it = iter(f)
t(it.throw, ValueError("z"))
t(it.throw, 5)
t(it.throw, int)
t(next, it)
t(it.close)
t(f.set_result, 3)
f = loop.create_future()
for bad in (1, int, StopIteration):
    t(f.set_exception, bad)
t(f.result)
t(f.exception)
f = loop.create_future()
print(f.cancel("why"), f.cancel(), f, f.cancelled(), f.done())
t(f.result)
t(f.exception)


class Sub(asyncio.Future):
    def __init__(self, *, loop):
        super().__init__(loop=loop)
        self.mine = 1

    def cancel(self, msg=None):
        print("Sub.cancel", msg)
        return super().cancel(msg)


class Like:
    """Like a future, and nothing of this module."""

    _asyncio_future_blocking = False

    def __init__(self, loop):
        self.loop, self.callbacks = loop, []

    def get_loop(self):
        return self.loop

    def add_done_callback(self, f, *, context):
        self.callbacks.append(f)
        self.loop.call_soon(f, self)

    def result(self):
        return "like"

    def done(self):
        return True

    def __await__(self):
        self._asyncio_future_blocking = True
        yield self
        return self.result()


async def nothing():
    pass


async def bad(e=ValueError("bad")):
    raise e


async def main():
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    print(me._fut_waiter, me._must_cancel, me._log_destroy_pending, me.get_name(), me._asyncio_awaited_by)
    t(me.set_result, 1)
    t(me.set_exception, 1)
    x = asyncio.Task(nothing(), name=5)
    step = loop._ready[0]._callback
    print(x.get_name(), type(step).__name__, step.__self__ is x, x.get_coro() is x._coro)
    await x
    t(asyncio.Task, 5)
    x.set_name(7)
    print(x.get_name(), x.done(), x.result())

    f = loop.create_future()

    async def wait():
        return await f

    y = asyncio.Task(wait(), name="y")
    z = asyncio.Task(wait(), name="z")
    await asyncio.sleep(0)
    wakeup = f._callbacks[0][0]
    print(len(f._callbacks), sorted(w.get_name() for w in f._asyncio_awaited_by), y._fut_waiter is f)
    print(wakeup.__name__, wakeup.__qualname__, type(wakeup).__name__, wakeup.__self__ is y)
    t(setattr, y, "_must_cancel", 3)
    print(sorted(task.get_name() for task in asyncio.all_tasks()))
    print(y.cancel("m"), y.cancelling(), y.uncancel(), f.cancelled())
    for task in (y, z):
        try:
            await task
        except asyncio.CancelledError as e:
            print(repr(e), e.__context__)
    print(y.cancelled(), y._cancel_message, y.cancel())

    sub = Sub(loop=loop)
    y = asyncio.create_task(asyncio.wait_for(sub, 5))
    await asyncio.sleep(0)
    y.cancel("sub")
    try:
        await y
    except asyncio.CancelledError as e:
        print(repr(e), sub.cancelled(), sub.mine)
    print(await Like(loop))

    async def itself():
        await asyncio.current_task()

    async def plainly():
        await Plain(loop.create_future())

    async def number():
        await Plain(5)

    async def generator():
        await Plain(i for i in ())

    async def other():
        await asyncio.new_event_loop().create_future()

    class Plain:
        def __init__(self, v):
            self.v = v

        def __await__(self):
            yield self.v

    for f in (itself, plainly, number, generator, other):
        try:
            await asyncio.create_task(f())
        except RuntimeError as e:
            print(f.__name__, str(e).split(" ", 4)[:3])

    print(await asyncio.gather(*(asyncio.sleep(0.001 * (5 - i), i) for i in range(5))))
    print(await asyncio.gather(bad(), nothing(), return_exceptions=True))


async def more():
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            group.create_task(asyncio.sleep(10))
    except* ValueError as e:
        print(repr(e))
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(5)
    except TimeoutError:
        print("timeout")

    async def stubborn():
        for _ in range(2):
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                print("not yet", asyncio.current_task().cancelling())
        return "after all"

    x = asyncio.create_task(stubborn())
    for _ in range(2):
        await asyncio.sleep(0)
        x.cancel()
    print(await x)
    loop.set_task_factory(asyncio.eager_task_factory)
    x = asyncio.create_task(nothing())
    print(x.done(), x.get_coro())
    x = asyncio.create_task(asyncio.sleep(0.001, "slept"))
    print(x.done(), await x)
    loop.set_task_factory(None)
    loop.set_exception_handler(lambda loop, c: print(sorted(c), c["message"]))
    f = loop.create_future()
    f.set_exception(ValueError(1))
    del f
    gc.collect()
    f = loop.create_future()
    f.set_exception(ValueError(1))
    f.exception()
    del f
    x = asyncio.Task(bad())
    await asyncio.sleep(0)
    w = weakref.ref(x)
    del x
    gc.collect()
    print(w())
    x = asyncio.Task(wait_for_ever())
    await asyncio.sleep(0)
    del x
    gc.collect()


async def wait_for_ever():
    f = asyncio.Future()
    await f


async def stopping(e):
    x = asyncio.create_task(bad(e))
    x.add_done_callback(lambda task: print("done", repr(task.exception())))
    await asyncio.sleep(1)


for run in (main, more, lambda: stopping(KeyboardInterrupt("k")), lambda: stopping(SystemExit(3))):
    try:
        asyncio.run(run())
    except BaseException as e:
        print("out", repr(e))
t(_asyncio.Future, 4)
