"""Specs and percent formats of the usual kind, beside ones that are not."""
VALUES = [0, 7, -7, 255, -255, 10**17, 2.5, -2.5, 0.125, 1e15, 1e16, -0.001, 1 / 3, "", "abc", "x" * 70, "é", True]
SPECS = ["", "d", "5", "<5", ">5", "^5", "05", "x", "X", "08b", "o", "04x", ".2f", "8.3f", "08.1f", "<8.2f", "^9.0f", ".0f", ".20f",
         "s", "10s", "^10", "65", "+d", ",", ".3", "e", "5.", "<05", "00", "1000", "c", "x<5", "é>4"]
for v in VALUES:
    for spec in SPECS:
        try:
            print(repr(v), repr(spec), repr(format(v, spec)))
        except Exception as e:
            print(repr(v), repr(spec), type(e).__name__, e)
for text, args in [("%s", "a"), ("%s", ("a",)), ("%s %r %d", ("a", "b", 3)), ("%d%%", 3), ("%s", {"a": 1}), ("%s", ()), ("%s%s", "a"),
                   ("%s", (1, 2)), ("%d", "a"), ("%d", 2.9), ("%d", True), ("%r", [1]), ("a%sé", "ü"), ("%s", b"x"), ("%5d|%-5s", (3, "a")),
                   ("%", ()), ("%q", 3), ("no", ()), ("no", (1,)), ("no", {}), ("%(a)s", {"a": 1}), ("%s", 2**70), ("%x", 255)]:
    try:
        print(repr(text), args, repr(text % args))
    except Exception as e:
        print(repr(text), args, type(e).__name__, e)
