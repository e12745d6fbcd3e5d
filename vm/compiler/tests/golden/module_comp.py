a = [i for i in range(3)]
class C:
    b = [i for i in a]
    c = {__class__ for j in a}
