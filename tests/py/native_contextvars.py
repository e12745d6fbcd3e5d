import contextvars
from contextvars import ContextVar, Context, Token, copy_context


def attempt(f, *args):
    try:
        print(f(*args))
    except Exception as e:
        print(type(e).__name__, str(e).split(" at 0x")[0])


a, b = ContextVar("a"), ContextVar("b", default=1)
attempt(a.get)
print(b.get(), b.get(2), a.get(3))
token = a.set(10)
print(token.old_value is Token.MISSING, Token.MISSING, token.var is a, a.get())
ctx = copy_context()
a.set(11)
print(a.get(), ctx[a], len(ctx), a in ctx, b in ctx, ctx.get(b), list(ctx.values()))


def inner(x, *, y):
    a.set(x)
    b.set(y)
    return a.get(), b.get()


print(ctx.run(inner, 1, y=2), a.get(), b.get(), ctx[a], ctx[b], len(ctx))
snapshot = ctx.copy()
it = iter(ctx.items())
ctx.run(a.set, 5)
print(sorted(v for _, v in it), snapshot[a], ctx[a], snapshot == ctx, snapshot.copy() == snapshot)
a.reset(token)
attempt(a.get)
attempt(a.reset, token)
attempt(b.reset, ContextVar("c").set(1))
attempt(a.reset, 1)
attempt(lambda: ctx.run(ctx.run, print))
attempt(lambda: ctx.run(lambda: 1 / 0))
print(ctx.run(a.get))
attempt(lambda: a.reset(ctx.run(a.set, 1)))
attempt(lambda: ctx[1])
attempt(ContextVar)
attempt(ContextVar, 1)
attempt(Token)
attempt(Context, 1)
attempt(Context().run)
attempt(lambda: type("S", (ContextVar,), {}))
with b.set(7) as t:
    print(b.get())
print(b.get(), ContextVar[int], repr(b).split(" at ")[0], repr(t).split(" at ")[0])
