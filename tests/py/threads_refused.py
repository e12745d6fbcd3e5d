"""Threads that the system refuses to start leave nothing behind."""

import threading

ended = []


class Argument:
    def __del__(self):
        ended.append(1)


refused = 0
before = threading.stack_size(1 << 45)
for _ in range(300):
    try:
        threading.Thread(target=print, args=(Argument(),)).start()
    except RuntimeError as e:
        refused += str(e) == "can't start new thread"
threading.stack_size(before)
print(refused, len(ended), threading.active_count())

got = []
threads = [threading.Thread(target=got.append, args=(i,)) for i in range(20)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(sorted(got) == list(range(20)), threading.active_count())
