class A:
    def f(self, __x):
        self.__y = __x.__z__
        global __w
        __w = __x
