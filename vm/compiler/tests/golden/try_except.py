def f():
    try:
        g()
    except ValueError as e:
        return e
    except (A, B):
        raise
    else:
        h()
