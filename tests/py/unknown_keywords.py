"""Keywords that a function of the core does not know: what it says, and what it says first."""
calls = [
    (int, "bse"), (str, "encodin"), (open, "mod"), (print, "ed"), (sorted, "kye"), (max, "kay"), (bytes, "encodng"),
    ("".split, "spe"), (enumerate, "stat"), (compile, "sorce"), (zip, "srict"), ([].sort, "ky"), (dict, "x"),
    (list, "sequ"), (range, "z"), (round, "ndigts"), (sum, "stat"), (property, "get"), (complex, "rel"),
    (ImportError, "nam"), (memoryview, "obj"), (bytearray, "encding"), (len, "o"), ("".encode, "erors"), (map, "stric"),
    ((1).to_bytes, "lenght"), (int.from_bytes, "byteordr"), (type, "nam"), (super, "x"), (slice, "stp"), (min, "defalt"),
]
for f, k in calls:
    for args in [(), (1,), (1, 2)]:
        try:
            f(*args, **{k: 1})
        except Exception as e:
            print(f.__name__, k, len(args), type(e).__name__, e)
