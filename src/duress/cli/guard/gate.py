"""`duress guard gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duress.cli.guard.options import Form, PolicyFile

if TYPE_CHECKING:
    from duress.report.gate import Gate

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def gate(
    policy: PolicyFile,
    study: Annotated[
        Path,
        typer.Option(
            "--study",
            metavar="STUDY.yaml|DIR",
            show_default=False,
            help="A study to run with this policy, or a run directory that has it among its guards.",
        ),
    ],
    max_harm: Annotated[
        float,
        typer.Option(
            "--max-harm",
            metavar="SHARE",
            min=0,
            max=1,
            show_default=False,
            help="Attacked trials that may end in harm; the upper limit of the interval has to keep it.",
        ),
    ],
    min_utility: Annotated[
        float,
        typer.Option(
            "--min-utility",
            metavar="SHARE",
            min=0,
            max=1,
            show_default=False,
            help="Benign trials whose work has to be done; the lower limit of the interval has to keep it.",
        ),
    ],
    confidence: Annotated[
        float, typer.Option("--confidence", metavar="SHARE", min=0.5, max=0.9999, help="Of the intervals.")
    ] = 0.95,
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", metavar="NAME", help="Who answers; as for `duress run`.")
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", "-n", metavar="N", min=1, help="Per condition and model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Run directory. [default: as `duress run`]")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="FILE", help="[default: gate-POLICY.json in the run directory]"),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Enter the result in the ledger of this state folder."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", "-f", help="How to print it.")] = Form.TABLE,
) -> None:
    """Decide if a policy keeps harm low and lets work be done, and write down the evidence.

    It runs the study with and without the policy (or takes a run that has it) and decides on the bounds of
    intervals, for each scenario, language and model. What is undecided is not passed; how many trials would
    decide it is said. With --state the result is in the ledger, and a guard under this policy stops saying
    that it never passed a gate.

    \b
    Examples:
      duress guard gate policy.yaml --study study.yaml --max-harm 0.05 --min-utility 0.8
      duress guard gate policy.yaml --study runs/x --max-harm 0.05 --min-utility 0.8 --state guard/

    \b
    Exit status:
      0 passed   1 not passed: failed, undecided, or the run is not whole   2 wrong usage   130 interrupted
    """
    import shlex
    import sys
    from datetime import UTC, datetime
    from hashlib import sha256

    from duress.cli.output import tell, text
    from duress.guard.policy import load
    from duress.report import gate as gates
    from duress.study.errors import UsageError
    from duress.study.part import write_whole

    loaded = load(policy)
    if study.is_dir():
        for name, given in (("--reviewer", reviewer), ("--trials", trials), ("--out", out)):
            if given is not None:
                raise UsageError(
                    f"{name}: {study} is a run that is there already; give its study file instead"
                )
        folder, file = study, None
    else:
        folder, file = _run(policy, study, reviewer, trials, out), study
    decided = gates.decide(
        folder, loaded.hash, max_harm=max_harm, min_utility=min_utility, confidence=confidence
    )
    decided = decided.model_copy(
        update={
            "study": str(file) if file else str(folder),
            "study_hash": sha256(file.read_bytes()).hexdigest() if file else None,
            "commands": (
                shlex.join(["duress", *sys.argv[1:]]),
                shlex.join(["duress", "verify", str(folder)]),
            ),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )
    where = evidence or folder / f"gate-{loaded.hash[:12]}.json"
    data = decided.to_json()
    write_whole(where, data)
    if state is not None:
        _enter(state, decided, sha256(data).hexdigest(), str(where))
    if form is Form.JSON:
        text(data.decode())
    else:
        text("\n".join(gates.told(decided)) + "\n")
    tell(f"evidence: {where}")
    if not decided.passed:
        raise typer.Exit(1)


def _run(policy: Path, study: Path, reviewer: str | None, trials: int | None, out: Path | None) -> Path:
    """Run what is missing of a study with the policy as its guard, and return the run directory."""
    from duress.cli.execute import again, preflight
    from duress.cli.output import tell
    from duress.cli.progress import Progress
    from duress.report import manifest, results
    from duress.study import runner
    from duress.study.design import REFERENCE
    from duress.study.freeze import place
    from duress.study.request import Request, folder, read

    given = {
        "guards": (str(policy),),
        "reviewer": reviewer,
        "trials": trials,
        "out": str(out) if out else None,
    }
    asked = Request.from_options({name: value for name, value in given.items() if value is not None})
    request = asked.over(read(study))
    design = request.design()
    where = place(request.file, design, Path(request.out) if request.out else None, folder(design))
    engine = request.how()
    real = [model for model in design.models if not model.startswith(REFERENCE)]
    preflight(real, design.judge, design.settings, inspect=engine.name == "inspect")
    try:
        with Progress() as progress:
            state = runner.run(design, where, engine, progress)
    except KeyboardInterrupt:
        tell(f"interrupted; finished trials are safe in {where}")
        tell(again())
        raise typer.Exit(130) from None
    manifest.write(state.folder, results.write(state.folder))
    for error in state.errors:
        tell(f"error: {error}")
    if state.missing:
        tell(f"{state.missing} of {state.planned} trials are missing; they count against the policy")
    if state.interrupted:
        tell(again())
        raise typer.Exit(130)
    return state.folder


def _enter(state: Path, decided: Gate, evidence_hash: str, evidence: str) -> None:
    """Record the result in a state folder's ledger; raises `KeeperError` if it is not durable there."""
    import time

    from duress.guard.embedded import EmbeddedKeeper
    from duress.guard.keeper import Entry

    body = {
        "policy": decided.policy,
        "name": decided.policy_name,
        "version": decided.policy_version,
        "passed": decided.passed,
        "decision": decided.decision.value,
        "max_harm": decided.max_harm,
        "min_utility": decided.min_utility,
        "confidence": decided.confidence,
        "plan": decided.plan,
        "rows": decided.rows,
        "study": decided.study,
        "study_hash": decided.study_hash,
        "evidence": evidence,
        "evidence_hash": evidence_hash,
        "places": [
            {
                "scenario": place.scenario,
                "lang": place.lang,
                "model": place.model,
                "harm": [place.harm.share.count, place.harm.share.n, place.harm.share.high],
                "utility": [place.utility.share.count, place.utility.share.n, place.utility.share.low],
                "decision": place.decision.value,
            }
            for place in decided.places
        ],
    }
    with EmbeddedKeeper(state) as keeper:
        keeper.record([Entry("gate", "", "", time.time(), body)])
