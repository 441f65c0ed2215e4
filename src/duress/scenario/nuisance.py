"""What is randomised so that a result does not hang on it.

Each component (names, paraphrase, order, filler, date, codes) has a stream of its own that depends on
the trial's seed only: the same draw under every condition, model and language (common random numbers),
and pinning one component leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from duress.scenario.chance import Chance
from duress.scenario.errors import PackError
from duress.scenario.pack import Pack
from duress.scenario.schema import minutes

COMPONENTS = ("names", "paraphrase", "order", "filler", "date", "codes")
STAFF = 4
"""Colleagues outside the cast who write filler messages."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw of everything that is randomised. Indexes point into the pools of the pack's texts."""

    people: dict[str, int]
    """Named cast key (and `staff0` ...) to an index of the pool."""
    organisations: dict[str, int]
    agent: int
    paraphrase: dict[str, int]
    """Text key to a number below `COMMON_MULTIPLE`; modulo the number of its variants it is the variant."""
    times: dict[str, int]
    """Message, event, moment and clock keys to minutes since midnight."""
    filler: tuple[int, ...]
    filler_times: tuple[int, ...]
    filler_staff: tuple[int, ...]
    date: str
    codes: dict[str, str]


COMMON_MULTIPLE = 27720
"""Divisible by 1 to 12: one uniform number serves any number of variants."""


def draw(pack: Pack, seed: int, pins: Mapping[str, str]) -> Draw:
    """Return the draw of a seed.

    A pin fixes one component: `filler=3` (how many), `paraphrase=1` (which variant, everywhere),
    `date=2026-05-04`, and for any component `seed:N` (that component as another seed would draw it).

    Raises:
        PackError: a pin of an unknown component or with a value that does not fit.
    """
    shape = _shape(pack)
    streams = dict.fromkeys(COMPONENTS, seed)
    fixed: dict[str, str] = {}
    for name, value in pins.items():
        if name not in COMPONENTS:
            raise PackError(f"pin {name!r}: expected one of {', '.join(COMPONENTS)}")
        if value.startswith("seed:") and value[5:].isdecimal():
            streams[name] = int(value[5:])
        else:
            fixed[name] = value
    for name in fixed:
        if name not in ("filler", "paraphrase", "date"):
            raise PackError(f"pin {name}={fixed[name]}: expected seed:N, e.g. {name}=seed:7")

    names = Chance("names", streams["names"])
    pool = names.sample(shape.pool, len(shape.named) + STAFF)
    people = dict(zip((*shape.named, *(f"staff{i}" for i in range(STAFF))), pool, strict=True))
    organisations = {key: names.below(size) for key, size in shape.organisations}
    agent = names.below(shape.agents)

    if "paraphrase" in fixed:
        variant = _number("paraphrase", fixed["paraphrase"])
        if variant >= shape.variants:
            raise PackError(
                f"pin paraphrase={variant}: {pack.name} has at most {shape.variants} variants of a text, "
                f"0 to {shape.variants - 1}"
            )
        paraphrase = dict.fromkeys(shape.texts, variant)
    else:
        words = Chance("paraphrase", streams["paraphrase"])
        paraphrase = {key: words.below(COMMON_MULTIPLE) for key in shape.texts}

    order = Chance("order", streams["order"])
    times = {key: order.between(low, high) for key, low, high in shape.times}

    fill = Chance("filler", streams["filler"])
    low, high = shape.filler_count
    count = _number("filler", fixed["filler"]) if "filler" in fixed else fill.between(low, high)
    if count > shape.fillers:
        raise PackError(f"pin filler={count}: {pack.name} has {shape.fillers} filler messages")
    fill = Chance("filler messages", streams["filler"])
    filler = tuple(fill.sample(shape.fillers, count))
    filler_times = tuple(fill.between(*shape.filler_at) for _ in filler)
    filler_staff = tuple(fill.below(STAFF) for _ in filler)

    first, days = shape.dates
    if "date" in fixed:
        try:
            day = date.fromisoformat(fixed["date"])
        except ValueError:
            raise PackError(f"pin date={fixed['date']}: expected YYYY-MM-DD") from None
    else:
        day = first + timedelta(Chance("date", streams["date"]).below(days))
        if shape.weekdays and day.weekday() > 4:
            day += timedelta(7 - day.weekday())
    codes = Chance("codes", streams["codes"])
    return Draw(
        people=people,
        organisations=organisations,
        agent=agent,
        paraphrase=paraphrase,
        times=times,
        filler=filler,
        filler_times=filler_times,
        filler_staff=filler_staff,
        date=day.isoformat(),
        codes={key: _code(codes, pattern) for key, pattern in shape.codes},
    )


def _number(name: str, value: str) -> int:
    if not value.isdecimal():
        raise PackError(f"pin {name}={value}: expected a whole number or seed:N")
    return int(value)


def _code(chance: Chance, pattern: str) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    return "".join(
        str(chance.below(10)) if c == "#" else chance.choice(letters) if c == "?" else c for c in pattern
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """What can be drawn in a pack; the same in all its languages."""

    named: tuple[str, ...]
    pool: int
    organisations: tuple[tuple[str, int], ...]
    agents: int
    texts: tuple[str, ...]
    variants: int
    """Of the text that has most."""
    times: tuple[tuple[str, int, int], ...]
    fillers: int
    filler_count: tuple[int, int]
    filler_at: tuple[int, int]
    dates: tuple[date, int]
    weekdays: bool
    codes: tuple[tuple[str, str], ...]


def time_range(text: str) -> tuple[int, int]:
    """Return `HH:MM` or `HH:MM..HH:MM` as minutes since midnight."""
    low, _, high = text.partition("..")
    return minutes(low), minutes(high or low)


@lru_cache(maxsize=64)
def _shape(pack: Pack) -> _Shape:
    scenario = pack.scenario
    # Pools are the same size in every language (the check proves it): the first language serves.
    language = pack.language(pack.languages[0])
    named = tuple(key for key, person in scenario.cast.items() if person.mailbox is None)
    if len(named) + STAFF > len(language.people.people):
        raise PackError(
            f"{language.folder / 'people.yaml'}: people: expected at least {len(named) + STAFF} "
            f"(the cast and {STAFF} colleagues), found {len(language.people.people)}"
        )
    for key in scenario.organisations:
        if key not in language.people.organisations:
            raise PackError(f"{language.folder / 'people.yaml'}: organisations: expected the key {key!r}")
    items = (*scenario.messages, *scenario.documents, *scenario.events, *scenario.jobs, *scenario.alerts)
    texts = dict.fromkeys(
        [
            *(part.text for part in scenario.system),
            scenario.opening.text,
            *(item.text for item in items),
            *(rule.text for rule in scenario.replies),
            *((scenario.pressure.subject,) if scenario.pressure else ()),
            *(item.text for item in (*scenario.records, *scenario.files, *scenario.programs)),
        ]
    )
    times = [("clock", *time_range(scenario.clock.start))]
    times += [(f"moment.{key}", *time_range(value)) for key, value in scenario.moments.items()]
    times += [(f"mail.{m.id}", *time_range(m.at)) for m in scenario.messages]
    times += [(f"event.{e.id}", *time_range(e.at)) for e in scenario.events]
    low, _, high = scenario.filler.count.partition("..")
    first, last = (date.fromisoformat(d) for d in scenario.clock.dates.split(".."))
    return _Shape(
        named=named,
        pool=len(language.people.people),
        organisations=tuple((k, len(language.people.organisations[k])) for k in scenario.organisations),
        agents=len(language.people.agents),
        texts=tuple(texts),
        variants=max(map(len, language.texts.values()), default=1),
        times=tuple(times),
        fillers=len(language.filler),
        filler_count=(int(low), int(high or low)),
        filler_at=time_range(scenario.filler.at),
        dates=(first, (last - first).days + 1),
        weekdays=scenario.clock.weekdays,
        codes=tuple(scenario.codes.items()),
    )
