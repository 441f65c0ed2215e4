"""The tree is that of RFC 6962: published vectors, and any tree against the definition."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duress.ledger.tree import Frontier, Subtree, Tree, leaf_hash
from duress.ledger.verifier.merkle import Piece, Stretch, consistent, included

# The eight leaves, roots and proofs with which implementations of Certificate Transparency are tested.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = [
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[3]]),
    (2, 3, [ROOTS[1]]),
    (1, 5, [ROOTS[0], B, D]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[3]]),
    (2, 5, [B, D]),
]


class Stored:
    """A tree that stores what a ledger stores of it."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = [leaf_hash(leaf) for leaf in leaves]
        self.frontier = Frontier()
        self.held: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        for leaf in self.leaves:
            self.held |= {(tree.level, tree.number): tree.hash for tree in self.frontier.push(leaf)}
        self.tree = Tree(self.fetch)

    def fetch(self, level: int, start: int, stop: int) -> list[bytes]:
        self.reads += stop - start
        return self.leaves[start:stop] if level == 0 else [self.held[level, n] for n in range(start, stop)]


def defined(hashes: list[bytes]) -> bytes:
    """The tree's hash as RFC 6962 defines it."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return sha256(b"\1" + defined(hashes[:half]) + defined(hashes[half:])).digest()


vectors = Stored(LEAVES)
large = Stored([b"%d" % number for number in range(70_000)])
sizes = st.integers(1, 70_000)


def test_published_roots():
    assert vectors.tree.root(0).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [vectors.tree.root(size).hex() for size in range(1, 9)] == ROOTS
    stretch = Stretch()
    for leaf, root in zip(vectors.leaves, ROOTS, strict=True):
        stretch.extend([leaf])
        assert stretch.root().hex() == root


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int, path: list[str]):
    assert [one.hex() for one in vectors.tree.inclusion(index, size)] == path
    proof = [bytes.fromhex(one) for one in path]
    assert included(index, size, vectors.leaves[index], proof, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_published_consistency_proofs(first: int, second: int, path: list[str]):
    assert [one.hex() for one in vectors.tree.consistency(first, second)] == path
    old, new = bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1])
    assert consistent(first, second, old, new, [bytes.fromhex(one) for one in path])


@given(st.integers(0, 600))
def test_every_root_is_the_defined_one(size: int):
    hashes = large.leaves[:size]
    frontier = Frontier()
    for one in hashes:
        frontier.push(one)
    stretch = Stretch()
    stretch.extend(hashes)
    assert frontier.root() == stretch.root() == large.tree.root(size) == defined(hashes)


@given(st.lists(st.integers(0, 3000), max_size=6), st.integers(1, 3000))
def test_a_tree_that_is_verified_in_stretches_is_the_same(cuts: list[int], size: int):
    whole, filled = Stretch(), []
    edges = sorted({0, size, *(cut for cut in cuts if cut < size)})
    for start, stop in pairwise(edges):
        part = Stretch(start)
        part.extend(large.leaves[start:stop])
        for piece in part.pieces:
            whole.add(piece)
        filled += part.filled
    assert whole.root() == large.tree.root(size)
    due = {
        Piece(level, number, hash)
        for (level, number), hash in large.held.items()
        if (number + 1) << level <= size
    }
    assert set(filled) | set(whole.filled) == due


@given(sizes, st.data())
def test_every_inclusion_proof_verifies_and_no_other_does(size: int, data: st.DataObject):
    index = data.draw(st.integers(0, size - 1))
    path, root, leaf = large.tree.inclusion(index, size), large.tree.root(size), large.leaves[index]
    assert included(index, size, leaf, path, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else size
    assert not included(other, size, leaf, path, root)
    assert not included(index, size, large.leaves[other % 70_000] if size > 1 else bytes(32), path, root)
    assert not included(index, size, leaf, [*path, bytes(32)], root)
    assert not included(index, size, leaf, path, bytes(32))
    if path:
        spot = data.draw(st.integers(0, len(path) - 1))
        assert not included(index, size, leaf, [*path[:spot], bytes(32), *path[spot + 1 :]], root)
        assert not included(index, size, leaf, path[:spot], root)


@given(sizes, st.data())
def test_every_consistency_proof_verifies_and_no_other_does(second: int, data: st.DataObject):
    first = data.draw(st.integers(1, second))
    path = large.tree.consistency(first, second)
    old, new = large.tree.root(first), large.tree.root(second)
    assert consistent(first, second, old, new, path)
    assert not consistent(first, second, bytes(32), new, path)
    assert not consistent(first, second, old, bytes(32), path)
    assert not consistent(first, second, old, new, [*path, bytes(32)])
    if path:
        spot = data.draw(st.integers(0, len(path) - 1))
        assert not consistent(first, second, old, new, [*path[:spot], bytes(32), *path[spot + 1 :]])
        assert not consistent(first, second, old, new, path[:spot])
        assert not consistent(second, first, new, old, path)


def test_a_proof_reads_little_however_large_the_tree():
    large.reads = 0
    large.tree.inclusion(12_345, 69_999)
    large.tree.consistency(12_345, 69_999)
    # At most 255 hashes for each eight levels and each side of the path, where the tree has 70,000 leaves.
    assert large.reads < 4 * 3 * 256


def test_only_every_eighth_level_is_stored():
    assert {level for level, _ in large.held} == {8, 16}
    assert sum(level == 8 for level, _ in large.held) == 70_000 // 256
    assert Subtree(8, 0, large.held[8, 0]).hash == defined(large.leaves[:256])
