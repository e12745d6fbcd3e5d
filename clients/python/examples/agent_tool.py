"""A session that a model's code runs in, with one tool of ours that it may call.

    typhon serve &
    python examples/agent_tool.py
"""

from typhon_client import Client, Functions, Limits, ProgramEnded

host = Functions()
STOCK = {"apples": 3, "pears": 0}


@host.function
def stock(item: str) -> int:
    """How many of an item there are."""
    return STOCK[item]


# What a model might write, one turn after the other.
TURNS = [
    "items = ['apples', 'pears', 'plums']\ncounts = {item: stock(item) for item in items}",
    "counts = {}\nfor item in items:\n    try:\n        counts[item] = stock(item)\n    except KeyError:\n        pass\ncounts",
    "[item for item, count in counts.items() if not count]",
]

with Client() as typhon, typhon.session(functions=host, limits=Limits(wall_time=5, heap_bytes=64 << 20)) as session:
    for code in TURNS:
        result = session.run(code)
        try:
            print("value:", result.value)
        except ProgramEnded as end:
            # What the model should see to do better.
            print("error:", end)
