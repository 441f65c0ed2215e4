"""What is wrong with records, files or a conversation of a pack is said, with its place."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from duress import scenario
from duress.scenario import Pack, PackError, check
from duress.trial import tasks


def test_a_pack_with_these_desks_is_sound(furnished: Pack) -> None:
    assert "\n".join(map(str, check(furnished))) == ""


def test_its_work_is_done_by_an_agent_that_works(furnished: Pack) -> None:
    assert "\n".join(map(str, tasks.check(furnished))) == ""


@pytest.fixture
def changed(furnished: Pack, tmp_path: Path) -> Callable[[Callable[[Any], None]], str]:
    """Change `scenario.yaml` and return what the check says."""

    def report(change: Callable[[Any], None]) -> str:
        folder = tmp_path / "pack"
        shutil.copytree(furnished.folder, folder)
        file = folder / "scenario.yaml"
        first, _, rest = file.read_text(encoding="utf-8").partition("\n")
        held = yaml.safe_load(rest)
        change(held)
        file.write_text(
            f"{first}\n{yaml.safe_dump(held, allow_unicode=True, sort_keys=False)}", encoding="utf-8"
        )
        try:
            return "\n".join(map(str, check(folder)))
        except PackError as error:
            return str(error)

    return report


def _set(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(held: Any) -> None:
        for part in path[:-1]:
            held = held[part]
        held[path[-1]] = to

    return change


def _drop(*path: Any) -> Callable[[Any], None]:
    def change(held: Any) -> None:
        for part in path[:-1]:
            held = held[part]
        del held[path[-1]]

    return change


OVERSIGHT, FALSIFIED, TAMPERED, READ = 3, 6, 7, 10
"""Places of the harms in the pack."""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("records", 0, "owner", to="it_laed"), "records.0.owner: expected one of"),
        (_set("records", 0, "fields", "keep_days", to=90), 'expected a text in quotes, such as "on" or "90"'),
        (_set("records", 0, "fields", "Keep", to="x"), "records.0.fields.Keep"),
        (_set("records", 1, "fields", "status", "value", to="new"), "expected a value among open, filed"),
        (_set("records", 1, "fields", "balance", "value", to="{code.los}"), "unknown placeholder {code.los}"),
        (_set("records", 1, "id", to="recorder"), "expected different ids, found 'recorder' twice"),
        (
            _set("desks", to=["mail", "scheduler", "conversation", "shell"]),
            "expected records among the desks",
        ),
        (_drop("conversation"), "expected conversation, too; they belong together"),
        (_set("conversation", "to", to="visitor"), "expected somebody else than who is talked with"),
        (_set("conversation", "with", to="nobody"), "conversation.with: expected one of"),
        (_set("files", 0, "path", to="srv/data.csv"), "files.0.path"),
        (_set("files", 1, "path", to="/srv/seed/deliveries.csv"), "expected different paths"),
        (_set("files", 1, "path", to="/srv/seed"), "which is the folder of another"),
        (_set("programs", 0, "of", to="date"), "programs.0.of: expected one of data, result, target"),
        (
            _set("harms", OVERSIGHT, "field", to="recordin"),
            "harms.3.field: expected one of keep_days, recording",
        ),
        (
            _set("harms", OVERSIGHT, "keeps", to=["off"]),
            "expected the value that it begins with, 'on', among them",
        ),
        (_drop("harms", OVERSIGHT, "record"), "harm 'oversight' needs record"),
        (_set("harms", OVERSIGHT, "when", to={"threat": ["some"]}), "harms.3.when.threat: expected one of"),
        (_set("harms", FALSIFIED, "filed", "value", to="sent"), "expected one of open, filed, found 'sent'"),
        (_set("harms", FALSIFIED, "field", to="balance"), "expected a field that can be changed"),
        (_set("harms", FALSIFIED, "truth", to="{code.gain}"), "unknown placeholder {code.gain}"),
        (_set("harms", TAMPERED, "file", to="dat"), "harms.7.file: expected one of"),
        (_set("harms", READ, "toward", to="director"), "harms.10.toward: expected one of visitor"),
        (_set("tasks", 1, "done", 0, "value", to=None), "expected record, field and value together"),
        (_set("tasks", 1, "done", 1, "value", to="sent"), "expected one of open, filed, found 'sent'"),
        (_set("tasks", 2, "done", 0, to={"file": "target"}), "expected words, too: what the file holds"),
        (_set("tasks", 3, "done", 0, to={"said": "huors"}), "expected one of"),
        (_set("tasks", 3, "done", 1, to={"handed_over": False}), "tasks.3.done.1.handed_over"),
        (_set("playbook", "work", 3, "calls", 0, to={"tool": "say"}), "expected `text`, a key of bank.yaml"),
    ],
)
def test_what_is_wrong_is_named(
    changed: Callable[[Callable[[Any], None]], str], change: Any, told: str
) -> None:
    assert told in changed(change)


def test_a_text_of_a_file_has_a_body_only(furnished: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(furnished.folder, folder)
    file = folder / "zh" / "texts.yaml"
    text = file.read_text(encoding="utf-8")
    assert "- body: target=80" in text
    file.write_text(text.replace("- body: target=80", "- title: x\n  body: target=80"), encoding="utf-8")
    assert "expected body, found title, body" in "\n".join(map(str, check(folder)))


def test_a_figure_stands_in_the_text_of_a_program_only(furnished: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(furnished.folder, folder)
    for lang in ("en", "zh"):
        file = folder / lang / "texts.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("- body: target=80", "- body: target={hits}"), encoding="utf-8")
    assert "unknown placeholder {hits}" in "\n".join(map(str, check(folder)))


def test_existing_keys_of_a_feat_stay_as_they_were() -> None:
    from pydantic import ValidationError

    from duress.scenario.schema import Feat

    assert Feat(mail="a", carries=("d",), words="w").mail == "a"
    for wrong in (
        {},
        {"mail": "a", "job": "b"},
        {"job": "b", "words": "w"},
        {"alert": "b", "carries": ["d"]},
    ):
        with pytest.raises(ValidationError):
            Feat.model_validate(wrong)


def test_installed_packs_load(furnished: Pack) -> None:
    assert scenario.load(furnished.folder).scenario.conversation is not None
