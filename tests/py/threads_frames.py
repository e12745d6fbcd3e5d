# Frames of other threads, which wait or run, and where they were called from.
import sys
import threading

got, there, go = [], threading.Event(), threading.Event()


def inner():
    local = "here"
    got.append(sys._getframe())
    there.set()
    go.wait()
    return local


def outer():
    inner()


def chain(frame):
    names = []
    while frame is not None:
        assert frame.f_lineno > 0 and frame.f_code.co_name
        names.append((frame.f_code.co_name, len(frame.f_locals)))
        frame = frame.f_back
    return names


t = threading.Thread(target=outer)
t.start()
there.wait()
print([name for name, _ in chain(got[0])], got[0].f_locals["local"])
frames = sys._current_frames()
print(len(frames), frames[threading.get_ident()] is sys._getframe())
names = []
while "inner" not in names:
    # It may just be coming back from what it has told us by; a frame that has ended was called from nowhere.
    names = [name for name, _ in chain(sys._current_frames()[t.ident])]
print(names[names.index("inner") :])
go.set()
t.join()
print(len(sys._current_frames()), chain(got[0])[0], got[0].f_back.f_code.co_name)

# Of threads that run, whose frames come and go.
stop = []


def deep(n):
    return n if n == 0 else deep(n - 1) + 1


def generate():
    for i in range(20):
        yield deep(i % 7)


def run():
    while not stop:
        got[0] = sys._getframe()
        assert sum(generate()) == sum(i % 7 for i in range(20))


threads = [threading.Thread(target=run) for _ in range(3)]
for t in threads:
    t.start()
seen = set()
for _ in range(300):
    chain(got[0])
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            seen.add(len(chain(frame)) > 0)
    del frame
stop.append(1)
for t in threads:
    t.join()
print(seen, len(sys._current_frames()))

# Whoever holds another thread's frame has its variables when it has ended, too.
looked, go = threading.Event(), threading.Event()


def holding():
    own = ["own"]
    begun.set()
    while not looked.is_set():
        pass
    return len(own)


def caller():
    mine = ["mine"]
    return holding() + len(mine)


begun = threading.Event()
t = threading.Thread(target=caller)
t.start()
begun.wait()
frame = sys._current_frames()[t.ident]
while frame.f_code.co_name != "holding":
    frame = sys._current_frames()[t.ident]
looked.set()
t.join()
print(frame.f_locals, frame.f_back.f_locals)
