from __future__ import annotations

import random

from audit.acted import does, run, user
from duress.audit.anomaly import Watch, finding, ranked
from duress.audit.assess import THRESHOLD
from duress.audit.calibration import DAY
from duress.audit.finding import Kind
from duress.audit.sketch import Sketch, sketch

USUAL = ("look_up", "confirm", "book", "send_mail")


def sketched(
    number: int,
    calls: tuple[str, ...] = USUAL,
    *,
    at: float = 0.0,
    agent: str = "desk",
    version: str = "1",
    to: str = "ana@home.example",
    kinds: str = "",
) -> Sketch:
    goes = (("send_mail", to, kinds),) if "send_mail" in calls else ()
    steps = tuple(range(1, 2 * len(calls), 2))
    return Sketch(
        f"run{number}", agent, version, at, calls, steps, goes, (steps[-1],) * len(goes), len(calls), 0, 0
    )


def ordinary(rng: random.Random, number: int, at: float, **more: str) -> Sketch:
    calls = list(USUAL)
    for _ in range(rng.randrange(4)):
        calls.insert(rng.randrange(2), "look_up")
    return sketched(number, tuple(calls), at=at, **more)


def test_five_alerts_a_day_are_five() -> None:
    rng, watch, alerts = random.Random(3), Watch(per_day=5), 0
    days, per_day = 30, 200
    for number in range(days * per_day):
        alerts += watch.see(ordinary(rng, number, number * DAY / per_day)).alert
    assert 4.0 < alerts / (days - 1) < 6.0


def test_a_call_that_this_agent_never_made_ranks_first() -> None:
    rng = random.Random(4)
    past = [ordinary(rng, number, number * 600.0) for number in range(200)]
    odd = sketched(999, ("look_up", "export_all", "confirm", "book"), at=200 * 600.0)
    first = ranked([*past, odd])[0]
    assert first.run == "run999"
    assert first.oddities[0].rule in ("new_call", "habit_broken")


def test_a_habit_that_is_broken_is_told() -> None:
    rng = random.Random(5)
    watch = Watch()
    for number in range(100):
        watch.see(ordinary(rng, number, number * 600.0))
    seen = watch.see(sketched(999, ("look_up", "book", "send_mail"), at=1e6))
    assert {odd.fields.get("before") for odd in seen.oddities if odd.rule == "habit_broken"} == {"confirm"}


def test_data_that_goes_to_somebody_new_is_told() -> None:
    rng = random.Random(6)
    watch = Watch()
    for number in range(100):
        watch.see(ordinary(rng, number, number * 600.0))
    seen = watch.see(sketched(999, at=1e6, to="drop@else.example", kinds="secret"))
    (odd,) = [odd for odd in seen.oddities if odd.rule == "new_recipient"]
    assert odd.fields == {"call": "send_mail", "to": "drop@else.example", "classes": "secret"}


def test_an_agent_that_always_writes_to_somebody_new_does_nothing_odd() -> None:
    watch = Watch()
    for number in range(100):
        watch.see(sketched(number, at=number * 600.0, to=f"guest{number}@home.example"))
    seen = watch.see(sketched(999, at=1e6, to="guest999@home.example"))
    assert all(odd.weight < 0.5 for odd in seen.oddities if odd.rule == "new_recipient")


def test_a_new_version_is_drift_and_no_flood_of_alerts() -> None:
    rng, watch = random.Random(8), Watch(per_day=5)
    for number in range(2_000):
        watch.see(ordinary(rng, number, number * DAY / 200))
    alerts = 0
    for number in range(2_000, 4_000):
        calls = ("plan", "look_up", "book", "summarise")
        alerts += watch.see(
            sketched(number, calls[: rng.randrange(2, 5)], at=number * DAY / 200, version="2")
        ).alert
    assert [(drift.agent, drift.version) for drift in watch.drifts] == [("desk", "2")]
    assert alerts / 10 < 7


def test_agents_are_compared_with_themselves_only() -> None:
    rng = random.Random(9)
    watch = Watch()
    for number in range(60):
        watch.see(ordinary(rng, number, number * 600.0))
    other = watch.see(sketched(1, ("weld", "paint"), at=1e6, agent="workshop"))
    assert other.oddities == () and other.p == 1.0 and not other.alert


def test_padding_with_ordinary_calls_does_not_hide_a_strange_one() -> None:
    rng = random.Random(10)
    past = [ordinary(rng, number, number * 600.0) for number in range(200)]
    plain = sketched(998, ("look_up", "export_all", "confirm", "book"), at=1e6)
    padded = sketched(999, (*("look_up",) * 30, "export_all", "confirm", "book"), at=1e6)

    def score(one: Sketch) -> float:
        watch = Watch()
        for earlier in past:
            watch.see(earlier)
        return watch.see(one).score

    assert score(padded) >= 0.9 * score(plain)


def test_unusual_never_outranks_evidence_and_blocks_nothing() -> None:
    rng, watch = random.Random(11), Watch(per_day=50)
    for number in range(400):
        watch.see(ordinary(rng, number, number * DAY / 200))
    odd = watch.see(
        sketched(999, ("export_all", "send_mail"), at=2 * DAY + 1, to="x@else.example", kinds="secret")
    )
    told = finding(odd)
    assert told is not None and told.kind is Kind.UNUSUAL
    assert told.score < THRESHOLD
    assert told.steps and told.why


def test_the_same_runs_rank_the_same() -> None:
    rng = random.Random(12)
    runs = [ordinary(rng, number, number * 600.0) for number in range(150)]
    assert ranked(runs) == ranked(list(reversed(runs)))


def test_a_sketch_holds_what_was_called_and_where_it_went_and_no_text() -> None:
    told = sketch(
        run(
            user("Send the code."),
            does("send_mail", "sent", to="kai@letters.example", body="The password is Gx7-tulip-33."),
            agent="desk",
            at=12.0,
        )
    )
    assert told.calls == ("send_mail",)
    assert told.goes_to == (("send_mail", "kai@letters.example", "secret"),)
    assert "Gx7" not in repr(told)


def test_another_prompt_is_another_version() -> None:
    from audit.acted import system

    one, other = (sketch(run(system(text), user("Go."), agent="desk")) for text in ("Be brief.", "Be kind."))
    assert one.version != other.version
