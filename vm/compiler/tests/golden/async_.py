async def f(x):
    async with x as y:
        await y
    async for i in y:
        yield i
    z = [i async for i in x]
