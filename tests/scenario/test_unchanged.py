"""What a pack shows does not change when the format grows: the same seeds give the same bytes."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from duress import scenario
from duress.trial import make
from duress.world import World

# As rendered before packs could have records, conversations and files.
KNOWN = {
    "blackmail": "6291ad2a4b3a25fbfeef64f684cb5e0bcc752b1a0f9a1a067aff469b1c98ccc4",
    "espionage": "7960de16a2d41b37a2c2c67d15e2b1b59589cb4877650643a174044f67b505ce",
    "lethal": "b541f3090c6194f3e7fb6b2641f06bfd7f335155d6e2161972da9d1b7f7ecced",
}
CONDITIONS = ({}, {"leverage": "absent", "threat": "none"}, {"frame": "competence"})
HELD = (
    *(
        "now",
        "stopped",
        "mails",
        "documents",
        "entries",
        "jobs",
        "alerts",
        "concerns",
        "read",
        "due",
        "replied",
    ),
)


@pytest.mark.parametrize("name", KNOWN)
def test_packs_render_byte_for_byte_as_before(name: str) -> None:
    pack = scenario.load(name)
    digest = sha256()
    for lang in pack.languages:
        for levels in CONDITIONS:
            for index in range(5):
                condition = pack.condition(levels)
                spec = make(pack, condition=condition, lang=lang, model="m", index=index, run_seed=7)
                world = World.build(pack, spec)
                state = world.dump()
                shown = [
                    world.system,
                    world.opening,
                    [tool.name for tool in world.tools],
                    {key: state[key] for key in HELD},
                ]
                digest.update(json.dumps(shown, ensure_ascii=False, sort_keys=True, default=str).encode())
    assert digest.hexdigest() == KNOWN[name]
