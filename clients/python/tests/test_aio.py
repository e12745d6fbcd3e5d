"""The client for asyncio, against a server."""

from __future__ import annotations

import asyncio

import pytest

from typhon_client import AsyncClient, Case, Functions, Limits, ProgramRaised, errors


async def test_programs_run_beside_each_other(atyphon: AsyncClient) -> None:
    results = await asyncio.gather(*(atyphon.run("n * n", inputs={"n": n}) for n in range(20)))
    assert [result.value for result in results] == [n * n for n in range(20)]


async def test_a_session_keeps_its_state_and_survives_a_cancel(atyphon: AsyncClient) -> None:
    async with await atyphon.session(limits=Limits(wall_time=60)) as session:
        await session.run("x = 20")
        begun = asyncio.Event()

        async def spin() -> None:
            async with session.stream("x += 1\nprint('begun', flush=True)\nwhile True: pass") as run:
                async for _ in run:
                    begun.set()

        task = asyncio.create_task(spin())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await session.run("x")).value == 21
        assert (await session.info()).state == "IDLE"
        assert await session.interrupt() == ""
        await session.reset()
        with pytest.raises(ProgramRaised, match="NameError"):
            (await session.run("x")).value
    with pytest.raises(errors.SessionNotFound):
        await session.info()
    assert session.name not in {one.name async for one in atyphon.sessions()}


async def test_host_functions_are_coroutines_or_not(atyphon: AsyncClient) -> None:
    host = Functions()
    meeting = asyncio.Barrier(3)
    cancelled = asyncio.Event()

    @host.function
    async def meet(name: str) -> str:
        async with asyncio.timeout(60):
            await meeting.wait()
        return name

    @host.function
    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    @host.function
    def plain(n: int) -> int:
        return n + 1

    code = """
import asyncio, typhon_host
async def main():
    return await asyncio.gather(*(meet.begin(name) for name in 'abc'))
met = typhon_host.run(main())
call = forever.begin()
call.cancel()
(met, plain(1))
"""
    assert (await atyphon.run(code, functions=host)).value == (["a", "b", "c"], 2)
    async with asyncio.timeout(60):
        await cancelled.wait()


async def test_streams_batches_and_executions(atyphon: AsyncClient) -> None:
    text = [part async for part in atyphon.stream("print('a')\nprint('b')").text()]
    assert "".join(text) == "a\nb\n"
    cases = [Case(str(n), inputs={"n": n}) for n in range(5)]
    verdicts = [case async for case in atyphon.batch("1 / n", cases)]
    assert {case.id for case in verdicts if not case.passed} == {"0"}
    program = await atyphon.compile("n + 1")
    assert (await atyphon.run(program, inputs={"n": 1})).value == 2
    execution = await atyphon.start("6 * 7")
    assert (await execution.result()).value == 42
    assert execution.name in {one.name async for one in atyphon.executions()}
    await execution.delete()
    with pytest.raises(errors.ExecutionNotFound):
        await execution.get()
    assert (await atyphon.capabilities()).language_version == "3.14"
