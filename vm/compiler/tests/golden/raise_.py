def f(a, b):
    try:
        raise a from b
    except:
        raise
