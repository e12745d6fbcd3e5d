"""Values, through the wire and through a program and back."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import pathlib
import uuid
import zoneinfo
from typing import Any

import pytest

from typhon_client import Client
from typhon_client.values import Capped, Cycle, FunctionRef, NotSendable, from_wire, to_wire

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")

SAME: list[Any] = [
    None,
    Ellipsis,
    True,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    2**63,
    -(2**63) - 1,
    10**300,
    -(10**300),
    1.5,
    -0.0,
    math.inf,
    1e-320,
    1 + 2j,
    "",
    "häß \N{SNOWMAN} \U0001f40d\0",
    "\ud800 alone",
    b"",
    bytes(range(256)),
    [],
    [1, [2, [3]]],
    (),
    (1,),
    {1, 2},
    frozenset({"a"}),
    {},
    {1: "a", (2, "b"): None, None: 3, "d": {"e": []}},
    dt.date(1, 1, 1),
    dt.date(9999, 12, 31),
    dt.time(23, 59, 59, 999999),
    dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
    dt.datetime(2026, 11, 28, 21, 0, 1, 5),
    dt.datetime(2026, 11, 28, 21, tzinfo=dt.timezone.utc),
    dt.timedelta(0),
    dt.timedelta(days=-1, microseconds=3),
    decimal.Decimal("1.10"),
    decimal.Decimal("-Infinity"),
    uuid.UUID(int=5),
    pathlib.PurePosixPath("/a/b"),
]


@pytest.mark.parametrize("value", SAME, ids=repr)
def test_a_value_comes_back_as_it_went(value: Any, typhon: Client) -> None:
    for back in (from_wire(to_wire(value)), typhon.run("x", inputs={"x": value}).value):
        assert back == value
        assert type(back) is type(value)
        assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [dt.datetime(2026, 7, 1, 12), dt.datetime(2026, 10, 25, 2, 30, fold=1)], ids=str)
def test_a_zone_has_its_name_on_the_wire_and_its_offset_in_a_program(value: dt.datetime, typhon: Client) -> None:
    value = value.replace(tzinfo=ZONE)
    back = from_wire(to_wire(value))
    assert (repr(back), back.utcoffset()) == (repr(value), value.utcoffset())
    back = typhon.run("x", inputs={"x": value}).value
    assert (back.replace(tzinfo=ZONE), back.utcoffset()) == (value, value.utcoffset())


def test_nan_comes_back(typhon: Client) -> None:
    assert math.isnan(typhon.run("x", inputs={"x": math.nan}).value)


def test_what_cannot_be_sent_says_where_it_is() -> None:
    class Count(int):
        pass

    cycle: list[Any] = []
    cycle.append(cycle)
    deep: list[Any] = []
    for _ in range(40):
        deep = [deep]
    for value, where in [
        (object(), "value is a builtins.object"),
        ({"a": [1, Count(2)]}, r"value\['a'\]\[1\] is a "),
        ({Count(2): 1}, "a key of value is a "),
        (cycle, r"value\[0\] contains itself"),
        (deep, r"value(\[0\])+ is nested more than 32 deep"),
        ("\ud83d\ude00", "value holds a pair of surrogates"),
    ]:
        with pytest.raises(NotSendable, match=where):
            to_wire(value)


def test_a_container_within_itself_is_so_here_too(typhon: Client) -> None:
    items = typhon.run("x = [1, {'k': None}]\nx[1]['k'] = x\nx.append(x)\nx").value
    assert items[2] is items and items[1]["k"] is items
    # A tuple exists only once its members do.
    made = typhon.run("x = []\nt = (x,)\nx.append(t)\nt").value
    assert made == ([Cycle(2)],)


def test_objects_of_the_program_keep_their_names(typhon: Client) -> None:
    code = """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
def area(): ...
(Point(1, [2]), area, Point, ValueError('no', 3))
"""
    point, area, kind, error = typhon.run(code).value
    assert (point.x, point.y, str(point.type)) == (1, [2], "Point")
    with pytest.raises(AttributeError, match="the Point from the program has no attribute 'z'"):
        point.z
    assert area == FunctionRef("__main__", "area")
    assert kind.qualname == "Point"
    assert error.is_a("ValueError") and error.is_a("Exception") and not error.is_a("OSError")
    assert error.args == ("no", 3)


def test_what_a_cap_left_out_is_said(typhon: Client) -> None:
    deep = typhon.run("x = 1\nfor _ in range(100): x = [x]\nx").value
    while isinstance(deep, list):
        (deep,) = deep
    assert deep == Capped("DEPTH")
