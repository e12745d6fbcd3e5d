"""Writes data/decimal.txt: calls of Context methods and Decimal methods with what CPython 3.14 answers."""

import decimal as d
import random
import sys

random.seed(20)
ONE = "abs exp ln log10 minus next_minus next_plus normalize plus to_integral_exact to_integral_value sqrt logb logical_invert number_class to_sci_string to_eng_string is_normal is_subnormal is_zero is_snan copy_negate _apply".split()
TWO = "add compare compare_signal divide divide_int divmod max max_mag min min_mag multiply next_toward quantize remainder remainder_near subtract logical_and rotate scaleb shift compare_total compare_total_mag copy_sign same_quantum power".split()
OWN = "as_integer_ratio __hash__ __int__ __float__ __round__ __floor__ __ceil__ __str__ __repr__ adjusted __bool__".split()
CMP = "__lt__ __le__ __eq__ __gt__ __add__ __rsub__ __mod__ __floordiv__ __pow__ __rtruediv__".split()
NUMBERS = "0 -0 1 -1 10 0.1 -0.5 1.5 2.5 0E+3 0E-9 123456789 1E+20 -1E-20 1.10100 99999 -99999.5 NaN -NaN12 sNaN sNaN3 Infinity -Infinity 1E+999 1E-999 3 7 0.001 1E-8 1101 100".split()
SPECS = ["", "f", ".2f", "e", ".3e", "g", ",", "010", ">+12.3f", "*^20", "_.4f", "%", ".1%", "n", "x", "<5", "=+10", ".0f", "#.0f", "z.1f"]
CONTEXTS = [(28, "ROUND_HALF_EVEN", -999999, 999999, 1, 0), (5, "ROUND_DOWN", -20, 20, 0, 1), (3, "ROUND_05UP", -99, 99, 1, 0), (9, "ROUND_CEILING", -9, 9, 1, 1)]


def value(text):
    kind, body = text[0], text[1:]
    return {"d": d.Decimal, "i": int, "f": float, "s": str}[kind](body)


def row(kind, index, name, args):
    context = d.Context(*CONTEXTS[index], [], None)
    d.setcontext(context)
    try:
        values = [value(a) for a in args]
        context.clear_flags()
        result = repr(getattr(context, name)(*values) if kind == "c" else getattr(values[0], name)(*values[1:]))
    except Exception as e:
        result = "!" + type(e).__name__ + ": " + str(e)
    print(kind, index, name, "|".join(args), result, repr(context).split("flags=")[1].split(", traps")[0], sep="\t")


sys.stdout = open(sys.argv[1], "w")
number = lambda: "d" + random.choice(NUMBERS)
for name in ONE:
    for _ in range(14):
        row("c", random.randrange(4), name, [random.choice([number(), "i12345678"])])
for name in TWO:
    for _ in range(24):
        row("c", random.randrange(4), name, [number(), random.choice([number(), number(), "i4"])])
for _ in range(30):
    row("c", random.randrange(4), "fma", [number(), number(), number()])
    row("c", random.randrange(4), "create_decimal", [random.choice(["s1_000", "s 1", "s12345678.9", "sx", "s-inf", "snan123456", "f1.1", "i-99999999", number()])])
for name in OWN:
    for n in NUMBERS:
        if name == "__hash__" and n in ("NaN", "-NaN12") or "E+999" in n or "E-999" in n:
            continue
        row("m", 0, name, ["d" + n])
for n in NUMBERS:
    if n not in ("1E+999", "1E-999"):
        for digits in (0, 2, -2):
            row("m", 0, "__round__", ["d" + n, f"i{digits}"])
        for spec in SPECS:
            row("m", random.randrange(2), "__format__", ["d" + n, "s" + spec])
for name in CMP:
    for _ in range(30):
        row("m", random.randrange(4), name, [number(), random.choice([number(), number(), "i4", "f0.5", "sx"])])
