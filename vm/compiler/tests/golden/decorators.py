@a
@b.c(1)
class D:
    @property
    def e(self): pass
