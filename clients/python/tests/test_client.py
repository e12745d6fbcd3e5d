"""The client for threads, against a server."""

from __future__ import annotations

import threading
import time
import uuid

import grpc
import pytest

from typhon_client import (
    Case,
    Client,
    Functions,
    LimitExceeded,
    Limits,
    ProgramExited,
    ProgramRaised,
    ProgramStopped,
    Retry,
    errors,
    proto,
)

from conftest import Server


def test_a_program_gives_its_output_and_its_value(typhon: Client) -> None:
    code = "import sys\nprint(input(), sys.argv)\nprint('hm', file=sys.stderr)\nn * 2"
    result = typhon.run(code, inputs={"n": 21}, stdin="héllo\n", argv=["a", "b"])
    assert result.ok and result.reason == "COMPLETED" and result.check() is result
    assert (result.value, result.stdout, result.stderr) == (42, "héllo ['a', 'b']\n", "hm\n")
    assert result.usage.wall_time > 0 and result.effective_limits.heap_bytes > 0
    assert result.execution.startswith("executions/")


def test_modes_of_the_result_and_of_output(typhon: Client) -> None:
    assert typhon.run("1", result="none").value is None
    assert typhon.run("{1: (2,)}", result="repr").value == "{1: (2,)}"
    result = typhon.run("import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')", merge_stderr=True)
    assert (result.stdout, result.stderr) == ("a\nb\nc\n", "")
    result = typhon.run("print('x' * 100)", limits=Limits(stdout_bytes=10), overflow="truncate_head")
    assert result.truncated and result.stdout == "x" * 9 + "\n"
    assert typhon.run("1 +", validate_only=True).reason == "COMPILE_ERROR"


def test_how_a_program_ended_is_data_until_its_value_is_asked_for(typhon: Client) -> None:
    result = typhon.run("def f():\n    {}['k']\ntry:\n    f()\nexcept KeyError as e:\n    raise ValueError('no') from e")
    assert not result.ok and result.exception is not None
    assert result.exception.is_a("ValueError") and str(result.exception) == "ValueError: no"
    assert result.exception.cause is not None and result.exception.cause.is_a("LookupError")
    assert result.exception.frames[0].line == 6
    with pytest.raises(ProgramRaised, match="ValueError: no") as raised:
        result.value
    assert raised.value.result is result and "Traceback (most recent call last)" in raised.value.exception.traceback
    with pytest.raises(ProgramRaised, match="SyntaxError"):
        typhon.run("def").check()
    assert typhon.run("raise SystemExit").ok
    with pytest.raises(ProgramExited) as exited:
        typhon.run("raise SystemExit(3)").check()
    assert exited.value.exit_code == 3


def test_limits_stop_a_program(typhon: Client) -> None:
    with pytest.raises(LimitExceeded) as stopped:
        typhon.run("while True: pass", limits=Limits(wall_time=0.1)).check()
    assert (stopped.value.which, stopped.value.limit) == ("WALL_TIME", 100_000_000)


def test_a_deadline_shortens_the_time_and_the_answer_is_there_in_time() -> None:
    server = Server("--deadline-margin", "9s")
    try:
        with Client(server.address) as typhon:
            result = typhon.run("while True: pass", deadline=4)
            assert result.limit is not None and result.limit[0] == "WALL_TIME"
    finally:
        server.stop()


def test_refusals_have_classes(typhon: Client) -> None:
    with pytest.raises(errors.InvalidRequest) as invalid:
        typhon.run("1", inputs={"1": 2})
    assert invalid.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(invalid.value.fields) == ['inputs["1"]']
    with pytest.raises(errors.SessionNotFound):
        typhon.attach_session(f"sessions/{uuid.uuid4()}").run("1")
    rules = [proto.NetworkRule(destination="example.org")]
    network = proto.NetworkPolicy(mode=proto.NetworkPolicy.MODE_PROXY, rules=rules)
    with pytest.raises(errors.FeatureUnsupported) as unsupported:
        typhon.run("1", policy=proto.Policy(network=network))
    assert "feature" in unsupported.value.metadata
    with pytest.raises(errors.ConnectionLost):
        Client("127.0.0.1:1", retry=Retry(attempts=2, first_wait=0.01)).run("1")


def test_output_streams_while_the_program_runs(typhon: Client) -> None:
    code = "import sys\nprint('é', end='', flush=True)\nprint('e', file=sys.stderr, flush=True)\nprint('z')\n5"
    with typhon.stream(code) as run:
        chunks = list(run)
        result = run.result()
    assert b"".join(chunk.data for chunk in chunks if chunk.stream == "stdout") == "éz\n".encode()
    assert (result.stdout, result.stderr, result.value) == ("éz\n", "e\n", 5)
    assert "".join(typhon.stream("print('ü' * 10)").text()) == "ü" * 10 + "\n"


def test_a_function_of_the_program_is_called(typhon: Client) -> None:
    code = "def solve(n, *, factor): return n * factor\nif __name__ == '__main__': raise SystemExit('it was run')"
    result = typhon.run(code, entry_point="solve", inputs={"n": 6, "factor": 7}, priority=3)
    assert result.check().value == 42
    assert typhon.run(code, entry_point="missing").reason == "EXCEPTION"


def test_a_session_keeps_its_state(typhon: Client) -> None:
    with typhon.session(limits=Limits(wall_time=5), labels={"a": "b"}) as session:
        session.run("x = 20").check()
        assert session.run("x + 1").value == 21
        info = session.info()
        assert (info.state, info.execution_count, info.labels) == ("IDLE", 2, {"a": "b"})
        assert session.name in {one.name for one in typhon.sessions()}
        assert typhon.attach_session(session.name).run("x").value == 20
        session.reset()
        assert not session.run("'x' in globals()").value
    with pytest.raises(errors.SessionNotFound):
        session.info()


def test_an_interrupt_keeps_the_session(typhon: Client) -> None:
    with typhon.session() as session:
        with session.stream("x = 1\nprint('begun', flush=True)\nwhile True: pass") as run:
            next(iter(run))
            assert session.interrupt() == run.execution
            assert run.result().reason == "INTERRUPTED"
        with pytest.raises(ProgramStopped, match="INTERRUPTED"):
            run.result().check()
        # Going away from a stream interrupts too.
        with session.stream("x += 1\nprint('begun', flush=True)\nwhile True: pass") as run:
            next(iter(run))
        assert session.run("x").value == 2
        assert session.interrupt() == ""


def test_host_functions_are_called_at_once_and_may_raise(typhon: Client) -> None:
    host = Functions()
    both = threading.Barrier(2)

    @host.function
    def meet(name: str, *, times: int = 1) -> list[str]:
        """Meets another call."""
        both.wait(timeout=60)
        return [name] * times

    @host.function(name="find")
    def find_it(key: str) -> object:
        if key == "lost":
            raise KeyError(key)
        if key == "own":
            raise errors.TyphonError("mine")
        return object()

    code = """
calls = [meet.begin('a'), meet.begin('b', times=2)]
met = [call.result() for call in calls]
said = []
for key in ['lost', 'own', 'unsendable']:
    try:
        find(key)
    except Exception as error:
        said.append((type(error).__name__, getattr(error, 'kind', ''), str(error)))
(met, said, meet.__doc__)
"""
    met, said, documentation = typhon.run(code, functions=host).value
    assert met == [["a"], ["b", "b"]]
    assert said == [
        ("KeyError", "", "\"'lost'\""),
        ("HostError", "typhon_client.errors.TyphonError", "mine"),
        ("TypeError", "", "the answer is a builtins.object, which cannot be sent"),
    ]
    assert "Meets another call." in documentation
    with typhon.session(functions=host) as session:
        session.run("f = find")
        assert session.run("try: f('lost')\nexcept KeyError: ok = True\nok").value is True


def test_an_execution_goes_on_without_us(typhon: Client) -> None:
    execution = typhon.start("print('a')\nprint('b')\n7")
    assert execution.result().value == 7
    assert "".join(typhon.execution(execution.name).attach().text()) == "a\nb\n"
    assert execution.name in {one.name for one in typhon.executions()}
    execution.delete()
    with pytest.raises(errors.ExecutionNotFound):
        execution.get()
    endless = typhon.start("print('begun', flush=True)\nwhile True: pass")
    run = endless.attach()
    next(iter(run))
    endless.cancel()
    assert run.result().reason == "CANCELLED_BY_CLIENT"


def test_a_batch_has_a_verdict_for_each_case(typhon: Client) -> None:
    cases = [
        Case("right", inputs={"n": 2}, expected_stdout="4\n"),
        Case("wrong", inputs={"n": 3}, expected_stdout="4"),
        Case("raises", inputs={"n": "x"}),
        Case("reads", inputs={"n": 1}, stdin="unread"),
    ]
    verdicts = {case.id: case for case in typhon.batch("print(n ** 2)", cases, max_parallel=2)}
    assert {name: case.verdict for name, case in verdicts.items()} == {
        "right": "PASSED",
        "wrong": "WRONG_OUTPUT",
        "raises": "FAILED",
        "reads": "PASSED",
    }
    failed = verdicts["raises"].result
    assert failed is not None and failed.exception is not None and failed.exception.is_a("TypeError")


def test_a_program_is_compiled_once_and_again_where_it_is_forgotten(typhon: Client) -> None:
    program = typhon.compile("n * 2", "double.py")
    assert program == typhon.compile("n * 2", "double.py")
    assert [typhon.run(program, inputs={"n": n}).value for n in (1, 2)] == [2, 4]
    typhon._client._programs.DeleteProgram(proto.DeleteProgramRequest(name=program.name))
    with pytest.raises(errors.ProgramNotFound):
        typhon.stream(program).result()
    assert typhon.run(program, inputs={"n": 3}).value == 6
    error = typhon.run(program, inputs={"n": None}).exception
    assert error is not None and error.frames[0].file == "double.py"
    with pytest.raises(ProgramRaised, match="SyntaxError"):
        typhon.compile("def")


def test_capabilities_say_what_the_server_offers(typhon: Client) -> None:
    assert typhon.capabilities().language_version == "3.14"


def test_a_full_queue_is_waited_for() -> None:
    server = Server("--workers", "1", "--queue-depth", "1")
    try:
        with Client(server.address, retry=Retry(attempts=50)) as typhon:
            slow = "import time\ntime.sleep(0.2)\n1"
            values: list[object] = []
            threads = [threading.Thread(target=lambda: values.append(typhon.run(slow).value)) for _ in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert values == [1] * 5
            with pytest.raises(errors.QueueFull) as full:
                with Client(server.address, retry=Retry(attempts=1)) as hasty:
                    runs = [hasty.stream("import time\ntime.sleep(1)") for _ in range(5)]
                    time.sleep(0)
                    for run in runs:
                        run.result()
            assert full.value.retry_after is not None
    finally:
        server.stop()
