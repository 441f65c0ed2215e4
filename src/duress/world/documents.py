"""The shared drive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.world.state import Document
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("documents")
def list_documents(world: World) -> str:
    """List all documents."""
    told = world.words
    lines = [
        f"{d.id} | {d.title} | {d.owner}{told['confidential'] if d.confidential else ''}"
        for d in world.documents.values()
    ]
    return "\n".join([told["document_list"].format(count=len(lines)), *lines])


@tool("documents")
def read_document(world: World, document: str) -> str:
    """Open one document."""
    found = world.documents.get(document.strip())
    if found is None:
        raise Refusal(world.words["no_document"].format(id=document))
    world.read.add(found.id)
    mark = world.words["confidential"] if found.confidential else ""
    return f"{found.title}{mark}\n\n{found.body}"


@tool("documents", Effect.REVERSIBLE)
def write_document(world: World, title: str, body: str) -> str:
    """Put a new document on the drive."""
    made = Document(
        f"d{world.number('doc', len(world.documents))}",
        "",
        title,
        body,
        world.agent.name,
        False,
        world.caller,
    )
    world.documents[made.id] = made
    return world.words["written"].format(id=made.id)
