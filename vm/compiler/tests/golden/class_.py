class A(B, m=C):
    "doc"
    x = 1
    def f(self):
        self.y = super().f()
        return __class__
    z = [x for i in x]
