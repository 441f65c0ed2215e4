"""What reviewers decided, taken from the command line or from a file that the page saved."""

from __future__ import annotations

import time
from pathlib import Path

from duress.audit import verdicts
from duress.audit.errors import AuditError
from duress.audit.finding import Finding
from duress.audit.identity import called, earlier, mark
from duress.audit.store import Kept
from duress.audit.unusual import ranked
from duress.audit.verdicts import Said, Verdict
from duress.cli.audited import Audited


def decided(audited: Audited, run: str, said: str, kind: str | None, by: str, note: str) -> int:
    """Note one decision about the findings of a run; return how many findings it is about."""
    kept = _find(audited, run)
    findings = [*kept.findings, *_unusual(audited).get(kept.id, ())]
    about = {mark(kept, finding): finding for finding in findings if kind is None or finding.kind == kind}
    if not about:
        kinds = ", ".join(sorted({finding.kind.value for finding in findings})) or "none"
        raise AuditError(f"{kept.run}: expected a finding{f' of kind {kind}' if kind else ''}, found {kinds}")
    now = time.time()
    return verdicts.append(
        audited.verdicts,
        [
            Verdict(kept.run, finding.kind.value, known, Said(said), kept.score or 0.0, by, now, note)
            for known, finding in about.items()
        ],
    )


def imported(audited: Audited, saved: Path) -> int:
    """Note the verdicts of a file; return how many. Those that name no finding of the logs are refused."""
    if not saved.exists():
        raise AuditError(f"{saved}: no such file; the page saves one with the button under its findings")
    given = list(verdicts.every(saved))
    odd = _unusual(audited)
    known = {
        known
        for kept in audited.store.runs(audited.logs)
        for finding in (*kept.findings, *odd.get(kept.id, ()))
        for known in (mark(kept, finding), earlier(finding))
    }
    strange = [verdict for verdict in given if verdict.mark not in known]
    if strange:
        raise AuditError(
            f"{saved}: {len(strange)} of {len(given)} verdicts are about findings not in these logs, "
            f"the first about {strange[0].run} ({strange[0].kind}); nothing was noted"
        )
    return verdicts.append(audited.verdicts, given)


def _unusual(audited: Audited) -> dict[int, list[Finding]]:
    """Return the finding of each unusual run: it is worked out when it is asked for, and kept nowhere."""
    out: dict[int, list[Finding]] = {}
    for one in ranked(audited.store, audited.logs):
        finding = one.finding(audited.store.run(one.run).run, "en")
        out[one.run] = [finding] if finding is not None else []
    return out


def _find(audited: Audited, run: str) -> Kept:
    found: list[Kept] = []
    exact: dict[str, Kept] = {}
    for kept in audited.store.runs(audited.logs):
        if kept.place == run:
            return kept
        if kept.run == run:
            exact.setdefault(called(kept.path), kept)
        elif kept.run.startswith(run):
            found.append(kept)
    if len(exact) == 1:
        return next(iter(exact.values()))
    if exact:
        places = " and ".join(kept.place for kept in list(exact.values())[:2])
        raise AuditError(
            f"--run: expected one run, found {run!r} in {len(exact)} logs; give its place: {places}"
        )
    if len(found) == 1:
        return found[0]
    told = "no run" if not found else f"{len(found)} runs, such as {found[0].run} and {found[1].run}"
    raise AuditError(f"--run: expected the name of a run or a beginning of one, found {told} for {run!r}")
