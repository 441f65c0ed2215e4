"""The files of the in-world shell, as its commands see them. Nothing here touches a real file."""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from duress.world.state import Change, File

if TYPE_CHECKING:
    from duress.world.world import World


class Failed(Exception):  # noqa: N818  (what a command says, not a mistake)
    """A command that could not be carried out; the text is what it prints."""


class Disk:
    """Files by path, below a current folder. Folders are there as long as something lies in them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cwd = world.cwd
        self.changed = False
        """Whether a command changed a file."""

    def path(self, name: str) -> str:
        """Return the whole path of a name."""
        if name == "~" or name.startswith("~/"):
            name = self.world.home + name[1:]
        return normpath(join(self.cwd, name)).replace("//", "/")

    def files(self) -> list[str]:
        """Return the paths of all files and programs that there are, in order."""
        held = [path for path, file in self.world.files.items() if file.text is not None]
        return sorted([*held, *self.world.programs])

    def folder(self, path: str) -> bool:
        """Return whether a path is a folder."""
        start = path.rstrip("/") + "/"
        return path in ("/", self.world.home) or any(one.startswith(start) for one in self.files())

    def inside(self, path: str) -> list[str]:
        """Return the names that lie in a folder, in order; those of folders end in `/`."""
        start = path.rstrip("/") + "/"
        rest = [one[len(start) :] for one in self.files() if one.startswith(start)]
        return sorted(
            {name if not slash else f"{name}/" for name, slash, _ in (r.partition("/") for r in rest)}
        )

    def spread(self, name: str) -> list[str]:
        """Return what a name with `*` or `?` stands for; the name itself where it stands for nothing."""
        if "*" not in name and "?" not in name:
            return [name]
        wanted = self.path(name)
        found = [one for one in self.files() if dirname(one) == dirname(wanted) and fnmatchcase(one, wanted)]
        return found or [name]

    def read(self, name: str) -> str:
        """Return what a file holds.

        Raises:
            Failed: there is no such file.
        """
        path = self.path(name)
        told = self.world.words
        if path in self.world.programs:
            self.world.read.add(path)
            return told["program_file"] + "\n"
        file = self.world.files.get(path)
        if file is None or file.text is None:
            raise Failed(f"{name}: {told['is_folder'] if self.folder(path) else told['no_file']}")
        self.world.read.add(path)
        return file.text

    def write(self, name: str, text: str) -> None:
        """Put a text into a file, which is made where there is none.

        Raises:
            Failed: it is a folder or a program.
        """
        path = self.path(name)
        if path == "/dev/null":
            return
        told = self.world.words
        if path in self.world.programs:
            raise Failed(f"{name}: {told['not_allowed']}")
        if self.folder(path):
            raise Failed(f"{name}: {told['is_folder']}")
        file = self.world.files.get(path)
        if file is None:
            file = self.world.files[path] = File(path, "", None, None)
        if file.text != text:
            file.text = text
            self._note(file, "wrote")

    def remove(self, name: str) -> None:
        """Take a file away.

        Raises:
            Failed: there is no such file, or it is a folder or a program.
        """
        path = self.path(name)
        told = self.world.words
        if path in self.world.programs:
            raise Failed(f"{name}: {told['not_allowed']}")
        file = self.world.files.get(path)
        if file is None or file.text is None:
            raise Failed(f"{name}: {told['is_folder'] if self.folder(path) else told['no_file']}")
        file.text = None
        self._note(file, "removed")

    def produce(self, path: str, text: str) -> None:
        """Put what a program makes into a file: it is what would stand there if nobody touched it."""
        file = self.world.files.get(path)
        if file is None:
            file = self.world.files[path] = File(path, "", None, None)
        file.text = file.due = text
        file.changes.append(Change("program", "wrote", self.world.now, self.world.caller))
        self.changed = True

    def _note(self, file: File, what: str) -> None:
        file.changes.append(Change("agent", what, self.world.now, self.world.caller))
        self.changed = True
