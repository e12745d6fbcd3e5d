"""Ends at a bad moment: generators closed while somebody iterates over them, exceptions where nobody can catch them, and
memory that runs out in the handler of the error before."""
import sys

HUGE = 2 ** 60
unraised = []
sys.unraisablehook = lambda u: unraised.append((type(u.exc_value).__name__, str(u.exc_value), getattr(u.object, '__name__', '?')))


def show(label, f):
    try:
        r = f()
    except BaseException as e:
        # CPython keeps MemoryErrors ready, and those know no context.
        context = '' if isinstance(e, MemoryError) else type(e.__context__).__name__
        print(label, '->', type(e).__name__, e, '| while', context)
    else:
        print(label, '=', r)
    if unraised:
        print('   unraisable', *unraised)
        unraised.clear()


def counting(log=None):
    try:
        yield from range(10)
    finally:
        if log is not None:
            log.append('closed')


def closed_meanwhile():
    log = []

    def by_the_loop():
        g, seen = counting(log), []
        for x in g:
            seen.append(x)
            if x == 3:
                g.close()
        return seen, log.pop()
    show('closed by its loop', by_the_loop)

    def by_itself():
        def gen():
            yield 1
            me.close()
            yield 2
        me = gen()
        return list(me)
    show('closed by itself', by_itself)

    def by_what_it_iterates():
        def gen():
            for x in Source():
                yield x

        class Source:
            def __iter__(self):
                return self

            def __next__(self):
                me.close()
        me = gen()
        return next(me)
    show('closed by its source', by_what_it_iterates)

    def entered_again():
        def gen():
            yield next(me)
        me = gen()
        return next(me)
    show('entered again', entered_again)

    def in_a_consumer(consume):
        def run():
            g = counting(log)
            return consume(g, lambda x: g.close() or x), log.pop()
        return run
    show('closed in map', in_a_consumer(lambda g, f: list(map(f, g))))
    show('closed in a sort key', in_a_consumer(lambda g, f: sorted(g, key=f)))
    show('closed in max', in_a_consumer(lambda g, f: max(g, key=f)))
    show('closed in a comprehension', in_a_consumer(lambda g, f: [f(x) for x in g]))
    show('closed in zip', in_a_consumer(lambda g, f: list(zip(g, map(f, g)))))
    show('closed while unpacked', in_a_consumer(lambda g, f: (lambda *a: a)(*map(f, g))))

    def will_not_close():
        def gen():
            while True:
                try:
                    yield 1
                except GeneratorExit:
                    pass
        g = gen()
        next(g)
        try:
            g.close()
        finally:
            g.__class__
    show('will not close', will_not_close)
    show('and dies', lambda: None)

    def delegate_closed():
        inner = counting(log)

        def outer():
            yield from inner
        g = outer()
        next(g)
        inner.close()
        return list(g), log.pop()
    show('delegate closed', delegate_closed)

    def thrown_into_a_delegate():
        def inner():
            try:
                yield 1
            except ValueError:
                yield 2

        def outer():
            yield (yield from inner())
        g = outer()
        return next(g), g.throw(ValueError), next(g), g.close()
    show('thrown into a delegate', thrown_into_a_delegate)

    def dropped_in_the_middle():
        for x in counting(log):
            if x == 2:
                break
        return x, log.pop()
    show('dropped in the middle', dropped_in_the_middle)

    def raises_when_closed():
        def gen():
            try:
                yield 1
            finally:
                raise ValueError('in finally')
        g = gen()
        next(g)
        g.close()
    show('raises when closed', raises_when_closed)

    def raises_when_dropped():
        def gen():
            try:
                yield 1
            finally:
                raise ValueError('in finally')
        next(gen())
    show('raises when dropped', raises_when_dropped)


class Dies:
    def __init__(self, act):
        self.act = act

    def __del__(self):
        self.act()


def fail(text='in __del__'):
    raise ValueError(text)


def dies_badly():
    show('del', lambda: Dies(fail) and None)
    show('del in a list', lambda: [Dies(fail), Dies(fail)].clear())
    show('del while another error flies', lambda: (Dies(fail), 1 / 0))
    show('system exit in del', lambda: Dies(lambda: sys.exit(3)) and None)
    show('interrupt in del', lambda: Dies(lambda: fail_with(KeyboardInterrupt)) and None)
    show('stop iteration in del', lambda: Dies(lambda: next(iter(()))) and None)
    show('memory in del', lambda: Dies(lambda: 'x' * HUGE) and None)
    show('recursion in del', lambda: Dies(deep) and None)

    def in_a_generator():
        def gen():
            d = Dies(fail)
            yield 1
        g = gen()
        next(g)
        g.close()
    show('del in a closed generator', in_a_generator)

    def replaced():
        x = Dies(fail)
        x = 1
        return x
    show('del when replaced', replaced)

    def as_an_argument(x):
        raise KeyError('argument')
    show('del of an argument', lambda: as_an_argument(Dies(fail)))

    class Weak:
        pass

    def callback():
        import weakref
        w = Weak()
        r = weakref.ref(w, lambda r: fail('in a callback'))
        del w
        return r()
    show('weakref callback', callback)

    def revived():
        kept = []
        d = Dies(None)
        d.act = lambda: kept.append(d)
        d = None
        return len(kept)
    show('revived', revived)

    def cycle():
        import gc
        d = Dies(fail)
        d.me = d
        del d
        gc.collect()
    show('cycle', cycle)


def fail_with(e):
    raise e


def deep():
    return deep()


def no_memory_left():
    def in_except():
        try:
            1 / 0
        except ZeroDivisionError:
            'x' * HUGE
    show('in except', in_except)

    def in_finally():
        try:
            1 / 0
        finally:
            [0] * HUGE
    show('in finally', in_finally)

    def in_the_match():
        class Meta(type):
            pass
        try:
            1 / 0
        except (b'x' * HUGE):
            pass
    show('in the match', in_the_match)

    def in_exit():
        class With:
            def __enter__(self):
                return self

            def __exit__(self, *e):
                bytearray(HUGE)
        with With():
            1 / 0
    show('in __exit__', in_exit)

    def in_a_row():
        n = 0
        for _ in range(100):
            try:
                try:
                    'x' * HUGE
                except MemoryError:
                    n += 1
                    (0,) * HUGE
            except MemoryError as e:
                n += isinstance(e, MemoryError)
        return n
    show('in a row', in_a_row)

    def caught_and_kept():
        kept = []
        for _ in range(3):
            try:
                'x' * HUGE
            except MemoryError as e:
                kept.append(e)
        return [str(e) for e in kept], len({id(e) for e in kept})
    show('caught and kept', caught_and_kept)

    def in_a_group():
        try:
            raise ExceptionGroup('g', [ValueError(1)])
        except* ValueError:
            'x' * HUGE
    show('in except*', in_a_group)

    def in_a_generator():
        def gen():
            try:
                yield 1
            except GeneratorExit:
                'x' * HUGE
        g = gen()
        next(g)
        g.close()
    show('in a closing generator', in_a_generator)


closed_meanwhile()
dies_badly()
no_memory_left()
