# Classes with metaclasses, slots and hooks; dataclasses, enums, generics, abstract ones.
import abc, dataclasses, enum, functools, typing
from collections import namedtuple
class Meta(type):
    made = []
    def __new__(m, name, bases, ns, **kw):
        cls = super().__new__(m, name, bases, ns)
        Meta.made.append(name)
        return cls
class Base(metaclass=Meta):
    registry = []
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Base.registry.append(cls)
    def who(self): return 'base'
class Child(Base):
    """Doc."""
    __slots__ = ('a', '__b')
    def __init__(self, a): self.a = a; self.__b = a * 2
    def who(self): return super().who() + '>child' + str(self.__b)
    @property
    def double(self): return self.a * 2
    @classmethod
    def make(cls, a): return cls(a)
    @staticmethod
    def st(a): return a + 1
    @functools.cached_property
    def cp(self): return 1
c = Child(4)
@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 3
    tags: list = dataclasses.field(default_factory=list, compare=False)
@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: int
    b: 'Frozen | None' = None
p = Point(1, tags=['t']); fz = Frozen(1, Frozen(2))
class Color(enum.Enum):
    RED = 1
    GREEN = 2
    CRIMSON = 1
    def hi(self): return 'hi ' + self.name
class Planet(enum.Enum):
    EARTH = (5.97, 6.37)
    def __init__(self, mass, radius): self.mass = mass; self.radius = radius
    @property
    def g(self): return round(self.mass / self.radius ** 2, 3)
class Perm(enum.Flag):
    R = enum.auto(); W = enum.auto(); RW = R | W
class Level(enum.IntEnum):
    LOW = 1; HIGH = 2
class S(enum.StrEnum):
    A = enum.auto()
NT = namedtuple('NT', 'a b', defaults=[9])
nt = NT(1)
class TNT(typing.NamedTuple):
    q: int
    r: str = 'z'
tnt = TNT(3)
T = typing.TypeVar('T')
class Box(typing.Generic[T]):
    def __init__(self, v: T): self.v = v
class Stack[U]:
    items: list[U]
    def push(self, u: U) -> None: ...
bx = Box[int](3); st = Stack()
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Sq(Shape):
    def area(self): return 4
@Shape.register
class Reg: pass
sq = Sq()
bound = c.who
@typing.runtime_checkable
class Proto(typing.Protocol):
    def area(self): ...
class TD(typing.TypedDict):
    a: int
class Desc:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, o, t): return self.name
class HasDesc: dsc = Desc()
class Callable_:
    def __call__(self): return 'called'
    def __eq__(self, o): return isinstance(o, Callable_)
ca = Callable_()

#: cut
print(Meta.made, [k.__name__ for k in Base.registry], c.who(), c.double, Child.make(2).a, Child.st(1), Child.__doc__, Child.__slots__)
class Third(Child): pass
print(Meta.made, [k.__name__ for k in Base.registry])
print(p, p < Point(2), fz, hash(fz) == hash(Frozen(1, Frozen(2))), dataclasses.asdict(p), dataclasses.fields(Point)[1].default, dataclasses.replace(p, x=9))
print(Color.RED, Color(2), Color.CRIMSON is Color.RED, list(Color), Color.RED.hi(), Color['GREEN'], Planet.EARTH.g, Planet.EARTH.mass, Perm.RW, Perm.R | Perm.W is Perm.RW, list(Perm), Level.HIGH + 1, Level(1), S.A, S('a'))
print(nt, nt.b, NT._fields, nt._replace(a=5), tnt, tnt.r, TNT.__annotations__, TNT._field_defaults)
print(T, Box.__parameters__, bx.v, Box[int], Stack.__type_params__, st.push.__annotations__, Box.__orig_bases__)
try: Shape()
except TypeError as e: print(e)
print(sq.area(), isinstance(sq, Shape), isinstance(Reg(), Shape))
print(bound(), isinstance(sq, Proto), TD(a=1), TD.__annotations__, TD.__required_keys__)
print(HasDesc().dsc, ca(), ca == Callable_(), Callable_.__hash__, type(c) is Child, Point.__annotations__)
