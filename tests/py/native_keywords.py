"""How natives refuse keyword arguments that none of them takes."""
for f in [
    lambda: [].append(k=1), lambda: [].append(1, k=1), lambda: [].copy(k=1), lambda: set().union(k=1),
    lambda: len(k=1), lambda: globals(k=1), lambda: dict.fromkeys(k=1), lambda: bytes.fromhex(k=1),
    lambda: 'a'.join(k=[]), lambda: {}.get(k=1), lambda: {1}.update(k=1), lambda: (1).bit_length(k=1),
    lambda: [].append(), lambda: [].append(1, 2), lambda: [].copy(1), lambda: {}.get(),
]:
    try:
        print(f())
    except TypeError as e:
        print(e)
