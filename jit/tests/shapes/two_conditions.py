def f(n):
    zr = zi = 0.0
    i = 0
    while i < n and zr * zr + zi * zi < 4.0:
        zr, zi = zr * zr - zi * zi + 0.25, 2.0 * zr * zi
        i += 1
    return i
f(50)
