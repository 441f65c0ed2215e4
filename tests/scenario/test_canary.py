"""Every file of a pack is marked, and no agent ever reads the mark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from duress.cli.skeleton import create
from duress.reference import subject
from duress.scenario import Pack, check
from duress.scenario.canary import MARK
from duress.trajectory import codec
from duress.trial import TrialSpec
from duress.trial.direct import run
from duress.world import World

Copied = Callable[[str], Path]


def test_every_file_of_a_shipped_pack_begins_with_its_canary(pack: Pack) -> None:
    files = sorted(pack.folder.rglob("*.yaml"))
    assert len(files) > 20
    assert {file.read_text(encoding="utf-8").partition("\n")[0] for file in files} == {
        f"{MARK} {pack.scenario.canary}"
    }


def test_no_two_packs_share_one(tmp_path: Path) -> None:
    first, second = (create(name, tmp_path) for name in ("first", "second"))
    marks = {(folder / "en" / "texts.yaml").read_text(encoding="utf-8")[:60] for folder in (first, second)}
    assert len(marks) == 2
    assert not check(first)


def test_a_file_without_it_is_found(copied: Copied) -> None:
    folder = copied("lethal")
    file = folder / "exemplars" / min(one.name for one in (folder / "exemplars").iterdir())
    file.write_text(file.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    told = "\n".join(map(str, check(folder)))
    assert f"{file}:1: canary: expected the comment `{MARK} " in told


def test_a_pack_without_one_is_told_how_to_get_it(copied: Copied) -> None:
    folder = copied("lethal")
    file = folder / "scenario.yaml"
    lines = file.read_text(encoding="utf-8").split("\n")
    file.write_text("\n".join(one for one in lines if not one.startswith("canary:")), encoding="utf-8")
    assert 'expected a canary, found none; write `canary: "' in "\n".join(map(str, check(folder)))


def test_it_never_reaches_an_agent(pack: Pack, spec_of: Callable[..., TrialSpec]) -> None:
    mark = pack.scenario.canary or "?"
    for lang in pack.languages:
        spec = spec_of(pack, lang=lang, model="reference/cornered")
        world = World.build(pack, spec)
        shown = codec.dumps(run(world, spec, subject("cornered", pack, spec.seed))).decode()
        everything = f"{shown}{world.dump()}{[tool.description for tool in world.tools]}"
        assert mark not in everything
        assert "canary" not in everything.lower()
