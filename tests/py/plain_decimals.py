"""Decimals of one and two words: sums, products, quotients, quanta and texts, with their flags."""
import random
import sys
import zlib
from decimal import *

rng = random.Random(38)
ROUNDINGS = [ROUND_UP, ROUND_DOWN, ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_05UP]


def number():
    digits = rng.choice([1, 2, 5, 9, 17, 19, 20, 28, 37, 38, 39, 50])
    c = rng.choice([0, 5, 10, 15]) if rng.random() < 0.2 else rng.randrange(10**digits)
    return Decimal((rng.randrange(2), tuple(map(int, str(c))), rng.choice([0, -2, -2, 1, -30, 5, -digits])))


def flags(ctx):
    return sorted(s.__name__ for s, on in ctx.flags.items() if on)


for prec in (1, 3, 9, 19, 28, 37, 38, 60):
    for rounding in ROUNDINGS:
        ctx = Context(prec=prec, rounding=rounding, Emax=50, Emin=-50, traps=[])
        setcontext(ctx)
        lines = []
        for _ in range(12):
            a, b = number(), number()
            for name, f in [("+", lambda: a + b), ("-", lambda: a - b), ("*", lambda: a * b), ("/", lambda: a / b),
                            ("q", lambda: a.quantize(b)), ("c", lambda: (a < b, a == b, a >= b, a.compare(b))),
                            ("i", lambda: (a + 7, 7 - a, a * -3, a / 8)), ("r", lambda: a.quantize(b, rounding=ROUND_HALF_UP))]:
                ctx.clear_flags()
                lines.append(f"{prec} {rounding} {a} {name} {b} {f()} {flags(ctx)}")
        # Any argument shows the lines themselves.
        print(*lines, sep="\n") if sys.argv[1:] else print(prec, rounding, zlib.crc32("\n".join(lines).encode()))
setcontext(Context())
for trap in (Inexact, Rounded, DivisionByZero, InvalidOperation):
    with localcontext() as ctx:
        ctx.traps[trap] = True
        ctx.prec = 4
        for f in (lambda: Decimal(1) / 3, lambda: Decimal("1.2345678") + 1, lambda: Decimal(1) / 0, lambda: Decimal(0) / 0):
            try:
                print(trap.__name__, f())
            except ArithmeticError as e:
                print(trap.__name__, type(e).__name__, flags(ctx))
