"""What a store of vectors does, asked of S3 Vectors and of SQLite alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stores import name_of
from tests.support.vectors import BUCKET, VECTOR_STORES, metadata_of, s3_vectors
from workflow_engine.store.vectors import Vector, VectorStore
from workflow_engine.store.vectors.s3vectors import S3Vectors
from workflow_engine.vector_errors import CollectionMissingError, DimensionMismatchError

EAST, NORTH, NORTH_EAST, WEST = (1.0, 0.0), (0.0, 2.0), (0.5, 0.5), (-3.0, 0.0)


@pytest.fixture(params=VECTOR_STORES, ids=name_of)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    with request.param(tmp_path) as made:
        yield made


@pytest.fixture
def compass(store: VectorStore) -> VectorStore:
    points = {"east": EAST, "north": NORTH, "north_east": NORTH_EAST, "west": WEST}
    store.upsert("t", "points", [Vector(key, v, metadata_of(name=key, size=len(key))) for key, v in points.items()])
    return store


def test_the_nearest_come_first_with_the_cosine_as_their_score(compass: VectorStore) -> None:
    found = compass.query("t", "points", EAST, 3, None)
    assert [match.key for match in found] == ["east", "north_east", "north"]
    assert [match.score for match in found] == pytest.approx([1, 2**-0.5, 0], abs=1e-6)
    assert found[0].metadata == {"text": "a text", "name": "east", "size": 4}


def test_no_more_are_given_than_asked_for_and_all_there_are_at_most(compass: VectorStore) -> None:
    assert len(compass.query("t", "points", EAST, 1, None)) == 1
    assert len(compass.query("t", "points", EAST, 100, None)) == 4


def test_a_filter_is_applied_before_the_nearest_are_chosen(compass: VectorStore) -> None:
    found = compass.query("t", "points", EAST, 1, {"size": {"$gt": 4}, "name": {"$ne": "north_east"}})
    assert [match.key for match in found] == ["north"]


def test_storing_again_replaces_what_has_the_key(compass: VectorStore) -> None:
    compass.upsert("t", "points", [Vector("east", WEST, metadata_of(name="moved"))])
    found = compass.query("t", "points", WEST, 4, None)
    assert {match.key: match.metadata["name"] for match in found[:2]} == {"west": "west", "east": "moved"}
    assert len(found) == 4


def test_what_is_deleted_is_not_found_and_what_is_not_there_may_be_deleted(compass: VectorStore) -> None:
    compass.delete("t", "points", ["east", "nobody"])
    assert "east" not in {match.key for match in compass.query("t", "points", EAST, 10, None)}


def test_a_collection_is_one_tenants(compass: VectorStore) -> None:
    with pytest.raises(CollectionMissingError, match="no collection 'points'"):
        compass.query("somebody-else", "points", EAST, 1, None)
    with pytest.raises(CollectionMissingError):
        compass.delete("somebody-else", "points", ["east"])
    compass.drop("somebody-else", "points")
    assert len(compass.query("t", "points", EAST, 10, None)) == 4


def test_a_collection_that_is_dropped_may_have_another_dimension(compass: VectorStore) -> None:
    compass.drop("t", "points")
    compass.drop("t", "points")
    compass.upsert("t", "points", [Vector("x", (1.0, 2.0, 3.0), metadata_of())])
    assert [match.key for match in compass.query("t", "points", (1.0, 2.0, 3.0), 5, None)] == ["x"]


def test_another_dimension_is_refused_by_name_and_nothing_is_stored(compass: VectorStore) -> None:
    vectors = [Vector("new", EAST, metadata_of()), Vector("wrong", (1.0, 2.0, 3.0), metadata_of())]
    with pytest.raises(DimensionMismatchError, match="has vectors of 2 dimensions, and this one has 3"):
        compass.upsert("t", "points", vectors)
    assert len(compass.query("t", "points", EAST, 10, None)) == 4
    with pytest.raises(DimensionMismatchError):
        compass.query("t", "points", (1.0,), 1, None)


def test_the_first_vectors_of_a_collection_agree_with_each_other_or_are_refused(store: VectorStore) -> None:
    with pytest.raises(DimensionMismatchError):
        store.upsert("t", "new", [Vector("a", EAST, metadata_of()), Vector("b", (1.0,), metadata_of())])


def test_many_are_stored_and_deleted_in_one_go(store: VectorStore) -> None:
    store.upsert("t", "many", [Vector(f"v{i}", (1.0, float(i)), metadata_of(i=i)) for i in range(650)])
    assert [m.key for m in store.query("t", "many", EAST, 1, {"i": {"$gte": 649}})] == ["v649"]
    store.delete("t", "many", [f"v{i}" for i in range(649)])
    assert [m.key for m in store.query("t", "many", EAST, 5, None)] == ["v649"]


def test_nothing_is_stored_for_nothing(store: VectorStore) -> None:
    store.upsert("t", "empty", [])
    with pytest.raises(CollectionMissingError):
        store.query("t", "empty", EAST, 1, None)


def test_an_index_that_another_makes_meanwhile_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_vectors(tmp_path) as first:
        assert isinstance(first, S3Vectors)
        client = first._client()
        other = S3Vectors(lambda: client, BUCKET)
        unknown, known = [None], other._dimension
        monkeypatch.setattr(other, "_dimension", lambda place: unknown.pop() if unknown else known(place))
        first.upsert("t", "race", [Vector("a", EAST, metadata_of())])
        other.upsert("t", "race", [Vector("b", NORTH, metadata_of())])
        assert [match.key for match in other.query("t", "race", NORTH, 1, None)] == ["b"]
