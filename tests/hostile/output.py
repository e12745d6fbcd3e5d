#: print for ever | WALL_TIME
while True: print('x' * 100)

#: print for ever where output ends it | OUTPUT | stop
while True: print('x' * 100)

#: output that is caught | OUTPUT | stop
while True:
    try: print('x' * 100)
    except BaseException: pass

#: standard error for ever | OUTPUT | stop
import sys
while True: sys.stderr.write('xy')

#: one long line | OUTPUT | stop
print('x' * 10**7)

#: one long line that is cut | COMPLETED
print('x' * 10**7)

#: output from a finalizer | OUTPUT | stop
class A:
    def __del__(self):
        while True: print('x' * 100)
A()

#: output from a thread | OUTPUT | stop
import _thread, time
def f():
    while True: print('x' * 100)
_thread.start_new_thread(f, ())
while True: time.sleep(1)

#: stdout replaced by something that loops | WALL_TIME
import sys
class A:
    def write(self, s):
        while True: pass
    def flush(self): pass
sys.stdout = A()
print(1)

#: stdout closed | COMPLETED or EXCEPTION ValueError or EXCEPTION OSError
import sys
sys.stdout.close()
sys.stderr.close()

#: a result too large | COMPLETED
'x' * 10**7

#: a result without end | COMPLETED
x = []
x.append(x)
x

#: a result of deep nesting | COMPLETED
x = []
for _ in range(10**5): x = [x]
x

#: a result whose repr loops | WALL_TIME | repr
class A:
    def __repr__(self):
        while True: pass
A()

#: a result whose repr lies | EXCEPTION TypeError | repr
class A:
    def __repr__(self): return 7
A()

#: surrogates to the output | COMPLETED or EXCEPTION UnicodeEncodeError
print('\ud800' * 1000)

#: terminal codes and NULs | COMPLETED
print('\x1b[2J\x00\x07' * 1000)
