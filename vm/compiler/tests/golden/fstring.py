def f(x, y):
    return f"a{x!r:>{y}}b{x + y}{y=}", f"{x}", f"c" "d", t"a{x!r:b}c{ y }"
