class A:
    def f(self):
        super().f(1, k=2)
        super(A, self).g
        return super().h
