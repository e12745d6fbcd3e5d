"""The least a Python does: names, loops, functions, formatted text."""


def greet(name):
    return f'hello, {name}'


for who in ('world', 'typhon'):
    print(greet(who))
print(sum(n * n for n in range(10)), 2 ** 100)
