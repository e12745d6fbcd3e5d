"""Functions of the host, which whoever runs this program answers.

    answer = search("python")                     # waits
    calls = [search.begin(q) for q in queries]    # many at once
    answers = [call.result() for call in calls]
    typhon_host.run(main())                       # asyncio: await search.begin(q)
"""

__all__ = ["Call", "Function", "HostError", "run"]


class HostError(Exception):
    """The host's function failed; `kind` is what the host says it raised."""

    kind = ""


class Function:
    """One function of the host."""

    def __init__(self, name, doc, module=None):
        self.__name__ = self.__qualname__ = name
        self.__module__ = module or __name__
        self.__doc__ = doc or None
        self._called = f"{module}.{name}" if module else name

    def __repr__(self):
        return f"<host function {self._called}>"

    def __call__(self, /, *args, **kwargs):
        return self.begin(*args, **kwargs).result()

    def begin(self, /, *args, **kwargs):
        """Starts a call and returns it without waiting for its answer."""
        return Call(self._called, _native.begin(self._called, args, kwargs))


class Call:
    """A call on its way: wait for it with result(), or await it."""

    def __init__(self, name, number):
        self.name = name
        self._number = number
        self._answer = None

    def __repr__(self):
        return f"<call of {self.name}, {'answered' if self.done() else 'open'}>"

    def done(self):
        if self._answer is None:
            self._answer = _native.take(self._number)
        return self._answer is not None

    def result(self, timeout=None):
        """The answer; raises what the host raised, and TimeoutError when it takes longer than `timeout` seconds."""
        end = None if timeout is None else _native.now() + timeout
        seen = _native.epoch()
        try:
            while not self.done():
                left = 1.0 if end is None else end - _native.now()
                if left <= 0:
                    raise TimeoutError(f"{self.name} has not answered")
                seen = _native.wait(seen, min(left, 1.0))
        except KeyboardInterrupt:
            self.cancel()
            raise
        return self._settle()

    def cancel(self):
        """Tells the host that nobody waits for the answer any more."""
        if not self.done():
            _native.cancel(self._number)
            self._answer = (False, "CancelledError", "the call was cancelled")

    def _settle(self):
        if self._answer[0]:
            return self._answer[1]
        _, kind, message = self._answer
        import builtins

        known = getattr(builtins, kind, None)
        if isinstance(known, type) and issubclass(known, Exception):
            try:
                error = known(message)
            except Exception:
                known = None
        else:
            known = None
        if known is None:
            error = HostError(message)
            error.kind = kind
        raise error

    def __await__(self):
        import asyncio

        loop = asyncio.get_running_loop()
        watch = getattr(loop, "_typhon_watch", None)
        try:
            if watch is not None:
                if not self.done():
                    yield from watch(self).__await__()
            while not self.done():
                yield from asyncio.sleep(0.001).__await__()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._settle()


def run(main, *, debug=None):
    """As asyncio.run, on a loop that needs no descriptors: it waits for timers and for the host's answers."""
    import asyncio

    with asyncio.Runner(debug=debug, loop_factory=_loop_class()) as runner:
        return runner.run(main)


_class = None


def _loop_class():
    global _class
    if _class is not None:
        return _class
    from asyncio.base_events import BaseEventLoop

    class HostEventLoop(BaseEventLoop):
        def __init__(self):
            super().__init__()
            self._selector = self
            self._watched = {}
            self._woken = False

        def _typhon_watch(self, call):
            future = self.create_future()
            self._watched[call._number] = (call, future)
            return future

        def select(self, timeout):
            seen = _native.epoch()
            ready = self._ready_calls()
            if ready or self._woken or timeout is not None and timeout <= 0:
                return ready
            _native.wait(seen, 3600.0 if timeout is None else timeout)
            return self._ready_calls()

        def _ready_calls(self):
            if not self._watched:
                return []
            return [number for number in _native.arrived() if number in self._watched]

        def _process_events(self, numbers):
            self._woken = False
            for number in numbers:
                call, future = self._watched.pop(number)
                if call.done() and not future.done():
                    future.set_result(None)

        def _write_to_self(self):
            self._woken = True
            _native.wake()

        def close(self):
            super().close()
            self._watched.clear()

    _class = HostEventLoop
    return _class


def _install(namespace, functions, modules):
    import sys

    for name, doc in functions:
        function = Function(name, doc)
        globals()[name] = namespace[name] = function
    for name, doc, functions in modules:
        module = type(sys)(name, doc or None)
        for function, doc in functions:
            setattr(module, function, Function(function, doc, name))
        sys.modules[name] = module
