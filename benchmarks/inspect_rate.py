"""How fast trials run through Inspect, and how much of that time is ours.

Three things run side by side, each in a process of its own, with a model that answers at once:

    duress   trials of a shipped scenario, through `duress.inspect.run`
    bare     an Inspect task without anything of ours that makes the same model and tool calls, with the
             same texts and the same tool schemas
    misalignment   `agentic_misalignment` of inspect_evals, where that is installed

    python benchmarks/inspect_rate.py                      # 1,000 and 10,000 trials: about half an hour
    python benchmarks/inspect_rate.py --trials 100 --repeats 1
    python benchmarks/inspect_rate.py --inspect-evals /path/to/venv/bin/python
    python benchmarks/inspect_rate.py --together           # at the same time, where each has a core to itself

Printed are medians over the repeats. Rates count from the start of the eval to its written log, after a
short one that imports and compiles what an eval needs. `per cpu s` is the same over the process's own time,
which other programs on the machine do not disturb.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any

SCENARIO = "blackmail"
CONDITION = {"threat": "none"}
RECORDED = 50
"""Distinct conversations that the bare task repeats."""
CONNECTIONS = 10
AIM = 0.9


def main() -> int:
    """Run what was asked for and print it."""
    layout = argparse.RawDescriptionHelpFormatter
    options = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    options.add_argument("--trials", type=int, nargs="+", default=[1000, 10000])
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--inspect-evals", metavar="PYTHON", help="an interpreter that has inspect_evals")
    options.add_argument("--together", action="store_true", help="run what is compared at the same time")
    options.add_argument("--json", action="store_true", help="print the medians as JSON")
    options.add_argument("--child", nargs=2, metavar=("KIND", "TRIALS"), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.child:
        print(json.dumps(_child(asked.child[0], int(asked.child[1]))))
        return 0
    evals = asked.inspect_evals or sys.executable
    kinds = {"bare": sys.executable, "duress": sys.executable}
    if _has(evals, "inspect_evals.agentic_misalignment"):
        kinds["misalignment"] = evals
    else:
        print("inspect_evals is not installed here: left out (give --inspect-evals PYTHON)", file=sys.stderr)
    results: dict[int, dict[str, dict[str, float]]] = {}
    for trials in asked.trials:
        runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
        for repeat in range(asked.repeats):
            # Turn about, so that a machine that slows down slows all of them.
            order = list(kinds) if repeat % 2 == 0 else list(reversed(kinds))
            with ThreadPoolExecutor(len(order) if asked.together else 1) as pool:
                ran = pool.map(_run, [kinds[kind] for kind in order], order, [trials] * len(order))
                for kind, one in zip(order, ran, strict=True):
                    runs[kind].append(one)
        results[trials] = {kind: _median(found) for kind, found in runs.items()}
    if asked.json:
        print(json.dumps({"machine": platform.platform(), "trials": results}, indent=2))
    else:
        _print(results, asked.repeats)
    slow = [n for n, found in results.items() if found["duress"]["rate"] < AIM * found["bare"]["rate"]]
    return 1 if slow else 0


def _run(python: str, kind: str, trials: int) -> dict[str, float]:
    done = subprocess.run(
        [python, __file__, "--child", kind, str(trials)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{kind}, {trials} trials: exit code {done.returncode}\n{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {kind}, {trials} trials: {found['rate']:.1f}/s", file=sys.stderr)
    return found


def _has(python: str, module: str) -> bool:
    look = f"import importlib.util as u, sys; sys.exit(u.find_spec({module.split('.')[0]!r}) is None)"
    return subprocess.run([python, "-c", look], capture_output=True, check=False).returncode == 0


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _print(results: dict[int, dict[str, dict[str, float]]], repeats: int) -> None:
    print(
        f"{'trials':>8} {'what':<13} {'trials/s':>9} {'per cpu s':>9} {'ms/call':>8} {'ms/model call':>14} "
        f"{'peak MB':>8}"
    )
    for trials, found in results.items():
        for kind, one in found.items():
            calls = one["model_calls"] + one["tool_calls"]
            print(
                f"{trials:>8} {kind:<13} {one['rate']:>9.1f} {one['cpu_rate']:>9.1f} "
                f"{1000 * one['seconds'] / calls:>8.2f} "
                f"{1000 * one['seconds'] / one['model_calls']:>14.2f} {one['peak_mb']:>8.0f}"
            )
        ratio = found["duress"]["rate"] / found["bare"]["rate"]
        cpu = found["duress"]["cpu_rate"] / found["bare"]["cpu_rate"]
        memory = found["duress"]["peak_mb"] / found["bare"]["peak_mb"]
        print(
            f"{trials:>8} duress : bare  rate {ratio:.2f} (aim {AIM}), per cpu second {cpu:.2f}, "
            f"memory {memory:.2f}"
        )
        if "misalignment" in found:
            ours, theirs = (
                one["seconds"] / one["model_calls"] for one in (found["duress"], found["misalignment"])
            )
            print(f"{trials:>8} duress : agentic_misalignment  time per model call {ours / theirs:.2f}")
        one = found["duress"]
        print(
            f"{trials:>8} a trial is {one['model_calls'] / trials:.1f} model calls and "
            f"{one['tool_calls'] / trials:.1f} tool calls; medians of {repeats}"
        )


def _child(kind: str, trials: int) -> dict[str, float]:
    play = {"duress": _duress, "bare": _bare, "misalignment": _misalignment}[kind]
    with tempfile.TemporaryDirectory() as folder:
        # What is imported and compiled at the first eval is not part of a rate.
        play(2, Path(folder))
        used = time.process_time()
        seconds, model_calls, tool_calls = play(trials, Path(folder))
        used = time.process_time() - used
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "cpu": used,
        "rate": trials / seconds,
        "cpu_rate": trials / used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
        "model_calls": float(model_calls),
        "tool_calls": float(tool_calls),
    }


def _instant(messages: Any, _tools: Any) -> Any:
    """Look into the inbox, open the first mail, say so."""
    from duress.trajectory import Message, Role, Stop, ToolCall

    turn = sum(m.role is Role.ASSISTANT for m in messages)
    if turn == 0:
        call = ToolCall("c1", "list_mail", {"folder": "inbox"})
    elif turn == 1:
        call = ToolCall("c2", "read_mail", {"message": "m1"})
    else:
        return Message(Role.ASSISTANT, "I have read the first message. Nothing to do.", stop=Stop.STOP)
    return Message(Role.ASSISTANT, "I look at my mail.", calls=(call,), stop=Stop.TOOL_CALLS)


def _specs(trials: int) -> tuple[Any, list[Any]]:
    from duress.scenario import load
    from duress.trial import make

    pack = load(SCENARIO)
    condition = pack.condition(CONDITION)
    return pack, [
        make(pack, condition=condition, lang="en", model="instant/model", index=index, run_seed=0)
        for index in range(trials)
    ]


def _duress(trials: int, folder: Path) -> tuple[float, int, int]:
    from inspect_ai.model import modelapi

    from duress.inspect.provider import ReferenceAPI
    from duress.inspect.run import run

    class Instant(ReferenceAPI):
        def known(self) -> list[str]:
            return ["model"]

        def subject(self, trial: Any, seed: int | None) -> Any:
            return _instant

    modelapi(name="instant")(lambda: Instant)
    pack, specs = _specs(trials)
    counts = [0, 0]

    def on_row(row: dict[str, Any], trajectory: Any) -> None:
        counts[0] += row["turns"]
        counts[1] += row["calls"]

    started = time.perf_counter()
    run(specs, {pack.name: pack}, on_row, log_dir=folder, max_connections=CONNECTIONS)
    return time.perf_counter() - started, counts[0], counts[1]


def _bare(trials: int, folder: Path) -> tuple[float, int, int]:
    from inspect_ai import Task
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset, Sample
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessage,
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        ModelAPI,
        ModelOutput,
        ModelUsage,
        execute_tools,
        get_model,
        modelapi,
    )
    from inspect_ai.scorer import Score, Scorer, Target, accuracy, scorer
    from inspect_ai.solver import Generate, Solver, TaskState, solver
    from inspect_ai.tool import ToolCall, ToolDef, ToolParams

    from duress.trajectory import Role
    from duress.trial.direct import run as direct
    from duress.world import World

    pack, specs = _specs(min(trials, RECORDED))
    worlds = [World.build(pack, spec) for spec in specs]
    recorded = [direct(world, spec, _instant).messages for world, spec in zip(worlds, specs, strict=True)]
    playing: ContextVar[list[Any]] = ContextVar("playing")
    counts = [0, 0]

    class Instant(ModelAPI):
        async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
            counts[0] += 1
            said = playing.get()[len(input)]
            calls = [ToolCall(c.id, c.tool, c.arguments) for c in said.calls] or None
            return ModelOutput(
                model="instant/model",
                choices=[
                    ChatCompletionChoice(
                        message=ChatMessageAssistant(content=said.text, tool_calls=calls, source="generate"),
                        stop_reason="tool_calls" if calls else "stop",
                    )
                ],
                usage=ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110),
            )

    modelapi(name="instant")(lambda: Instant)

    def tool(name: str, description: str, parameters: dict[str, Any]) -> ToolDef:
        async def execute(**kwargs: Any) -> str:
            counts[1] += 1
            messages = playing.get()
            asked = next(c.id for m in messages for c in m.calls if c.tool == name)
            text: str = next(m.text for m in messages if m.call_id == asked)
            return text

        return ToolDef(execute, name, description, ToolParams.model_validate(parameters))

    tools = [tool(t.name, t.description, t.parameters) for t in worlds[0].tools]

    @solver
    def loop() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            messages = recorded[state.metadata["index"] % len(recorded)]
            playing.set(list(messages))
            talk: list[ChatMessage] = [
                ChatMessageSystem(content=messages[0].text),
                ChatMessageUser(content=messages[1].text),
            ]
            while True:
                output = await get_model().generate(talk, tools)
                talk.append(output.message)
                if output.message.tool_calls:
                    talk += (await execute_tools(talk, tools)).messages
                elif len(talk) < len(messages):
                    talk.append(ChatMessageUser(content=messages[len(talk)].text))
                else:
                    break
            state.messages = talk
            state.output = output
            return state

        return solve

    @scorer(metrics=[accuracy()])
    def fixed() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value=0)

        return score

    assert all(m.role in (Role.SYSTEM, Role.USER) for m in recorded[0][:2])
    samples = [Sample(id=i, input="default", metadata={"index": i}) for i in range(trials)]
    task = Task(dataset=MemoryDataset(samples), solver=loop(), scorer=fixed())
    started = time.perf_counter()
    _eval(inspect_eval, task, folder, model=get_model("instant/model", memoize=False))
    return time.perf_counter() - started, counts[0], counts[1]


def _misalignment(trials: int, folder: Path) -> tuple[float, int, int]:
    from inspect_ai import eval as inspect_eval
    from inspect_ai.model import ModelAPI, ModelOutput, ModelUsage, get_model, modelapi
    from inspect_evals.agentic_misalignment import agentic_misalignment  # pyright: ignore

    counts = [0]

    class Instant(ModelAPI):
        async def generate(self, input: Any, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
            counts[0] += 1
            output = ModelOutput.from_content(
                "instant/model", "<reasoning>nothing</reasoning><answer>no</answer>"
            )
            output.usage = ModelUsage(input_tokens=100, output_tokens=10, total_tokens=110)
            return output

    modelapi(name="instant")(lambda: Instant)
    model = get_model("instant/model", memoize=False)
    task = agentic_misalignment(grader_model=model)
    started = time.perf_counter()
    _eval(inspect_eval, task, folder, model=model, epochs=trials)
    return time.perf_counter() - started, counts[0], 0


def _eval(evaluate: Callable[..., Any], task: Any, folder: Path, **more: Any) -> None:
    """Evaluate with the settings under which Duress runs its own trials."""
    [log] = evaluate(
        task,
        log_dir=str(folder),
        display="none",
        log_level="error",
        log_realtime=False,
        log_header_only=True,
        score_display=False,
        ctl_server=False,
        max_samples=CONNECTIONS,
        max_connections=CONNECTIONS,
        **more,
    )
    if log.status != "success":
        sys.exit(f"the eval ended with {log.status}: {log.error.message if log.error else ''}")


if __name__ == "__main__":
    sys.exit(main())
