# Where tracebacks put their marks: operators, brackets, argument lists, and lines that get none.
import contextlib
import io
import os
import sys
import tempfile
import traceback

LINES = """\
x = a + (b)
x = (a) // b
x = a   @ b
x = d['k'][0]
x = d ['k'] [ 0 ]
x = d[(1, 2)]
y = x + f(1, 2)
x = f(1, 2)(3)
x = a.b
x = a.b.c + 1
x = f(1)
return f(1)
raise E
raise E(1)
x = (a +
     b) * c
x = f(1)(2)(3
    )
assert f is None, 'no'
for x in a: pass
with a as x: pass
del d['none']
d['none'].x = 1
x, y = f
x = -d
x = [q for q in a]
x = a < d
x = 'ä' + a
x = 'ä日本' + a, 2
x = {**a}
f(*a)
x = not_there
x = a if a // 0 else 1
x = lambda: 1 / 0
import not_a_module
from sys import not_a_name
""".splitlines()

# A line that begins with a blank goes on from the one before.
statements = []
for line in LINES:
    if line.startswith(" "):
        statements[-1] += "\n" + line
    else:
        statements.append(line)


class E(Exception):
    pass


with tempfile.TemporaryDirectory() as folder:
    for number, statement in enumerate(statements):
        path = os.path.join(folder, f"line{number}.py")
        body = "".join(f"    {line}\n" for line in statement.split("\n"))
        with open(path, "w", encoding="utf-8") as out:
            out.write(f"def run(a, b, c, d, f, x):\n{body}")
        scope = {"E": E}
        with open(path, encoding="utf-8") as text:
            exec(compile(text.read(), path, "exec"), scope)
        err = io.StringIO()
        try:
            scope["run"](1, None, 2, {"k": None}, len, 0)
        except BaseException:
            with contextlib.redirect_stderr(err):
                traceback.print_exc()
            # The interpreter's own way to print must say the same.
            own = io.StringIO()
            with contextlib.redirect_stderr(own):
                sys.excepthook(*sys.exc_info())
            shown = [line for line in err.getvalue().splitlines() if not line.startswith("  File")]
            also = [line for line in own.getvalue().splitlines() if not line.startswith("  File")]
            at = next(i for i, line in enumerate(shown) if line == "    scope[\"run\"](1, None, 2, {\"k\": None}, len, 0)")
            print("\n".join(shown[at + 2:]), "" if shown == also else f"otherwise: {also}")
        else:
            print("no error:", statement)
