"""Packs that other distributions bring along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from duress import scenario
from duress.scenario import PackError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution that offers a pack, the way pip leaves one behind."""
    folder = tmp_path / "harbour_pack"
    shutil.copytree(scenario.load("lethal").folder, folder)
    text = (folder / "scenario.yaml").read_text(encoding="utf-8")
    (folder / "scenario.yaml").write_text(text.replace("name: lethal", "name: harbour", 1), encoding="utf-8")
    (folder / "__init__.py").touch()
    info = tmp_path / "harbour_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harbour-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[duress.packs]\nharbour = harbour_pack\n")
    monkeypatch.syspath_prepend(tmp_path)
    return info


def test_a_pack_of_another_distribution_is_found_by_its_name(installed: Path) -> None:
    assert "harbour" in scenario.names()
    pack = scenario.load("harbour")
    assert pack.name == "harbour"
    assert scenario.check(pack) == []


def test_an_entry_point_that_cannot_be_imported_is_named(installed: Path) -> None:
    (installed / "entry_points.txt").write_text("[duress.packs]\nharbour = no_such_module\n")
    with pytest.raises(PackError, match=r"harbour-pack: entry point harbour = no_such_module.*uninstall"):
        scenario.names()
