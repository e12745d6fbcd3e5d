# Tools of sys.monitoring watch every thread: those that begin later, and those that run when they are asked for.
import sys
import threading

mon, seen, stop = sys.monitoring, set(), []
mon.use_tool_id(3, "tool")


def returned(code, offset, value):
    seen.add((code.co_name, threading.get_ident()))


def late():
    return 1


def early():
    return 2


def run():
    while not stop:
        early()


mon.register_callback(3, mon.events.PY_RETURN, returned)
running = [threading.Thread(target=run) for _ in range(2)]
for t in running:
    t.start()
mon.set_events(3, mon.events.PY_RETURN)
beginning = [threading.Thread(target=late) for _ in range(3)]
for t in beginning:
    t.start()
    t.join()
    print(("late", t.ident) in seen)
for t in running:
    while ("early", t.ident) not in seen:
        pass
stop.append(1)
for t in running:
    t.join()
mon.set_events(3, 0)
seen.clear()
t = threading.Thread(target=late)
t.start()
t.join()
print(seen)
mon.free_tool_id(3)
