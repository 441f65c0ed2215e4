"""What code, statements and patches do to files and tables: Python, JavaScript, SQL, diffs."""

from __future__ import annotations

import re
from typing import Final

from duress.audit.deals import Deals, Deed

_EXPRESSION: Final = r"((?:[^,()\n]|\([^()\n]{0,200}\)){1,200}?)"
_OPEN: Final = re.compile(rf"\bopen\(\s*{_EXPRESSION}\s*(?:,\s*(?:mode\s*=\s*)?[\"'](\w)[+bt]*[\"']\s*)?[,)]")
_SAVE: Final = re.compile(r"\.(?:to_csv|to_json|to_excel|to_parquet|savefig|save)\(\s*([^,()]*)")
_LOAD: Final = re.compile(r"\bread_(?:csv|json|excel|parquet|table)\(\s*([^,()]+)")
_PATHLIKE: Final = re.compile(
    r"(?:\bPath\(\s*([^()\n]{1,200}?)\s*\)|\(([^()\n]{1,200})\)|\b([A-Za-z_]\w*))"
    r"\.((?:write|read)_(?:text|bytes)|unlink)\("
)
_REMOVE: Final = re.compile(r"\b(?:os\.(?:remove|unlink)|shutil\.rmtree)\(\s*([^()]+?)\s*\)")
_MOVE: Final = re.compile(
    r"\b(?:shutil\.(?:copy\w*|move)|os\.(?:rename|replace))\(\s*([^,()]+?)\s*,\s*([^()]+?)\s*\)"
)
_NODE: Final = re.compile(
    r"\b(writeFile|appendFile|readFile|unlink|rm|copyFile|rename)(?:Sync)?\(\s*([^,()]+?)\s*(?:,\s*([^,()]+?)\s*)?[,)]"
)
_PATCH: Final = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$", re.M)
_DIFF: Final = re.compile(r"^--- (?:a/)?(\S+)[^\n]*\n\+\+\+ (?:b/)?(\S+)", re.M)
_CELL: Final = re.compile(r"^%%writefile\s+(-a\s+)?(\S+)", re.M)
_SQL: Final = re.compile(
    r"\b(?=[udtig])(update\s+[\w.\"]+\s+set|delete\s+from\s+[\w.\"]+|drop\s+(?:table|database)\s+(?:if\s+exists\s+)?[\w.\"]+"
    r"|truncate\s+table\s+[\w.\"]+|insert\s+into\s+[\w.\"]+"
    r"|grant\s+(?:all|select|insert|update|delete|execute|usage|connect|create|\w*admin\w*|\w*role\w*)\b"
    r".{0,60}?\s+to\s+\w+)",
    re.IGNORECASE,
)
_STATEMENT: Final = re.compile(r"\b(?:set|from|table|database|into|grant)\b", re.IGNORECASE)
VERBS: Final = ("update", "delete", "drop", "truncate", "insert", "grant")
"""Parts of every statement that changes a database."""
_OF_NODE: Final = {
    "writeFile": Deed.WRITE,
    "appendFile": Deed.EDIT,
    "readFile": Deed.READ,
    "unlink": Deed.DELETE,
    "rm": Deed.DELETE,
}


def code(text: str, deals: Deals) -> None:
    """Put down what Python and JavaScript do to files."""
    if "open(" in text:
        for match in _OPEN.finditer(text):
            mode = match[2] or "r"
            deed = Deed.EDIT if mode == "a" else Deed.WRITE if mode in "wx" else Deed.READ
            deals.add_code(deed, match[1])
    if ".to_" in text or ".save" in text or "read_" in text:
        for match in _SAVE.finditer(text):
            if match[1]:
                deals.add_code(Deed.WRITE, match[1])
        for match in _LOAD.finditer(text):
            deals.add_code(Deed.READ, match[1])
    if "_text(" in text or "_bytes(" in text or ".unlink(" in text:
        for match in _PATHLIKE.finditer(text):
            verb = match[4]
            deed = Deed.DELETE if verb == "unlink" else Deed.WRITE if verb[0] == "w" else Deed.READ
            deals.add_code(deed, match[1] or match[2] or match[3])
    if "os." in text or "shutil." in text:
        for match in _REMOVE.finditer(text):
            deals.add_code(Deed.DELETE, match[1])
        for match in _MOVE.finditer(text):
            deals.add_code(Deed.COPY, match[2], match[1])
    if "File" in text or "fs." in text:
        for match in _NODE.finditer(text):
            if (deed := _OF_NODE.get(match[1])) is not None:
                deals.add_code(deed, match[2])
            elif match[3]:
                deals.add_code(Deed.COPY, match[3], match[2])


def patch(text: str, deals: Deals) -> None:
    """Put down which files a patch changes, and which cells of a notebook are written to."""
    if "*** " in text:
        for match in _PATCH.finditer(text):
            deed = {"Add": Deed.WRITE, "Update": Deed.EDIT, "Delete": Deed.DELETE}[match[1]]
            deals.add(deed, match[2])
    if "\n+++ " in text:
        for match in _DIFF.finditer(text):
            if match[2] == "/dev/null":
                deals.add(Deed.DELETE, match[1])
            else:
                deals.add(Deed.EDIT, match[2])
    if "%%writefile" in text:
        for match in _CELL.finditer(text):
            deals.add(Deed.EDIT if match[1] else Deed.WRITE, match[2])


def statements(text: str, deals: Deals) -> None:
    """Put down what SQL does to tables."""
    if not may_state(text):
        return
    for match in _SQL.finditer(text):
        words = match[1].split()
        deed = {"update": Deed.EDIT, "insert": Deed.EDIT, "grant": Deed.PERMIT}.get(
            words[0].lower(), Deed.DELETE
        )
        deals.add(deed, "table:" + words[-2 if words[0].lower() == "update" else -1].strip('"').lower())


def may_state(text: str) -> bool:
    """Tell whether a text may hold a statement that changes a database."""
    low = text.lower()
    return any(verb in low for verb in VERBS) and _STATEMENT.search(text) is not None
