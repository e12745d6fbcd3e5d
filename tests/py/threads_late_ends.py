# What dies while several threads run is finalized before the next statement that could tell. What a namespace holds, as globals do, may
# live on until every running thread has polled (docs/threads.md): these are a function's own.
import threading


class Ending:
    ended = []

    def __del__(self):
        Ending.ended.append(1)


gate = threading.Barrier(2)


def wait():
    gate.wait()
    gate.wait()


t = threading.Thread(target=wait)
t.start()
gate.wait()


def end():
    for _ in range(3):
        e = Ending()
        del e
        print(len(Ending.ended))
    print(Ending().__class__.__name__, len(Ending.ended))


end()
gate.wait()
t.join()
