"""The first call of a function is watched as every later one."""
import sys

monitoring = sys.monitoring
monitoring.use_tool_id(1, 'lines')
seen = []
monitoring.register_callback(1, monitoring.events.LINE, lambda code, line: seen.append((code.co_name, line - code.co_firstlineno)))
monitoring.register_callback(1, monitoring.events.PY_START, lambda code, at: seen.append((code.co_name, 'start')))


def f():
    a = 1
    return a


def g():
    yield 1
    yield 2


def traced():
    return f()


monitoring.set_events(1, monitoring.events.LINE | monitoring.events.PY_START)
f()
list(g())
f()
monitoring.set_events(1, 0)
monitoring.free_tool_id(1)
print([e for e in seen if e[0] in ('f', 'g')])


def h():
    a = 1
    return a


def tell(frame, event, arg):
    told.append((frame.f_code.co_name, event, frame.f_lineno - frame.f_code.co_firstlineno))
    return tell


told = []
sys.settrace(tell)
h()
h()
sys.settrace(None)
print(told)


async def agen():
    yield 1


import gc
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    agen().asend(None)
    agen().athrow(ValueError)
    agen().aclose()
    gc.collect()
print([str(w.message) for w in caught])
