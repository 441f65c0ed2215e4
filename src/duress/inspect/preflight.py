"""What a run needs before its first trial: packages, keys, servers, models. All that is missing, at once.

Inspect itself would say one thing at a time, in the middle of a run, and with its display off it ends the
process without a word when a client package is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from duress.inspect.missing import COMPATIBLE, Asked, Missing, merged
from duress.judge import panel

REFERENCE = "reference"
STAND_IN = "none"
"""The key that a server of one's own gets where none is set."""


def preflight(
    models: Sequence[str],
    judge: str | None = None,
    base_url: str | None = None,
    *,
    model_args: Mapping[str, Any] | None = None,
    judge_base_url: str | None = None,
    judged: Sequence[str] = (),
    besides: Mapping[str, str] | None = None,
    inspect: bool = True,
    ask: bool = True,
    timeout: float = 5.0,
) -> list[Missing]:
    """Return everything that is missing to run these models and this judge; empty: the run can start.

    Costs nothing: packages and keys are looked for in this process, and the only requests are for a
    server's list of models. `ask=False` leaves those out, too.

    Sets variables of this process: those of the `.env` file that Inspect reads, and, when nothing is
    missing, a stand-in key for servers of the user's own (`openai-api/NAME/MODEL`) that ask for none;
    Inspect insists on `NAME_API_KEY`.

    Args:
        models: `PROVIDER/MODEL` names as Inspect takes them; `reference/NAME` needs nothing of Inspect.
        judge: a model that reads texts, several joined by commas, or None.
        base_url: the server that all models are asked at, where it is not the provider's own.
        model_args: what is passed to the provider (`-M`).
        judge_base_url: the same for the judges.
        judged: models whose trials are read again and not run: nothing is missing for them, but a judge of
            their own family does not judge them.
        besides: models that are neither tested nor judge, by the option that names them; asked at their
            provider's own server. No reference agent can be one.
        inspect: whether Inspect is needed even for reference agents alone.
        ask: whether servers are asked which models they have.
        timeout: seconds for one connection or request.
    """
    arguments = dict(model_args or {})
    asked = [Asked(m, f"--model {m}", base_url, arguments) for m in dict.fromkeys(models)]
    found: list[Missing] = []
    if judge:
        try:
            members = panel.members(judge)
        except panel.PanelError as error:
            return [Missing(str(error), f"--judge {judge}", "name each judge once: --judge A,B")]
        asked += [Asked(name, f"--judge {judge}", judge_base_url, {}) for name in members]
        found += _unjudged(members, dict.fromkeys((*models, *judged)), judge)
    for option, name in (besides or {}).items():
        if name.startswith(f"{REFERENCE}/"):
            told = "reference agents play subjects only, not the people around them"
            found.append(Missing(told, f"{option} {name}", "name a model: PROVIDER/MODEL"))
        else:
            asked.append(Asked(name, f"{option} {name}", None, {}))
    found += _unknown_references(asked)
    real = [one for one in asked if one.provider != REFERENCE]
    if not real and not inspect:
        return found
    if find_spec("inspect_ai") is None:
        return [*found, _no_inspect(asked, real)]
    if not real:
        return found
    lacks = merged([*found, *_lacking(real, timeout, ask)])
    if not lacks:
        _stand_in(real)
    return lacks


def _lacking(real: Sequence[Asked], timeout: float, ask: bool) -> Iterable[Missing]:
    from duress.inspect import client, listing

    _read_dotenv()
    # Providers are made one after the other, since that imports; their servers are asked all together.
    made = [(one, *client.make(one, STAND_IN if _without_key(one) else None)) for one in real]
    with ThreadPoolExecutor(len(real)) as pool:
        answers = [pool.submit(listing.lacking, one, api, timeout, ask) for one, _, api in made if api]
    return [
        lack for group in (*(lacks for _, lacks, _ in made), *(a.result() for a in answers)) for lack in group
    ]


def _unjudged(members: Sequence[str], subjects: Iterable[str], judge: str) -> Iterable[Missing]:
    """Return the subjects that nobody may judge."""
    for subject in subjects:
        try:
            panel.seated(members, subject)
        except panel.PanelError as error:
            yield Missing(
                str(error), f"--judge {judge}", "add a judge of another family: --judge A,B; or --judge rules"
            )


def _without_key(one: Asked) -> bool:
    """Whether this is a server of the user's own that no key is set for."""
    own = one.provider in COMPATIBLE and one.service is not None and one.server is not None
    return own and not os.environ.get(f"{one.prefix}_API_KEY")


def _stand_in(real: Iterable[Asked]) -> None:
    for one in real:
        if _without_key(one):
            os.environ[f"{one.prefix}_API_KEY"] = STAND_IN


def _unknown_references(asked: Iterable[Asked]) -> list[Missing]:
    named = [one for one in asked if one.provider == REFERENCE]
    if not named:
        return []
    from duress import reference

    known = (*reference.names(), *reference.tempers())
    return [
        one.lacks(f"no reference agent {one.name!r}", one.choose(one.name, known, f"{REFERENCE}/{{}}"))
        for one in named
        if one.name not in known
    ]


def _no_inspect(asked: Sequence[Asked], real: Sequence[Asked]) -> Missing:
    from duress.inspect.needs import EXTRAS, extra

    where = ", ".join(one.where for one in real or asked) or "--engine inspect"
    names = sorted({one.provider for one in real} & set(EXTRAS)) or ["bench"]
    return Missing("Inspect (the package inspect_ai) is not installed", where, extra(*names))


def _read_dotenv() -> None:
    from dotenv import find_dotenv, load_dotenv

    path = find_dotenv(usecwd=True)
    if path:
        load_dotenv(path)
