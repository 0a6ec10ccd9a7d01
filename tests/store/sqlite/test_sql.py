"""The pieces that statements are made of."""

from proxy.store.sqlite.sql import Where, insert, select, update


def test_statements_have_a_placeholder_for_each_value() -> None:
    """Values are never in the text of a statement."""
    assert insert("t", ["a", "b"]) == "INSERT INTO t ( a, b ) VALUES ( ?, ? )"
    assert update("t", ["a", "b = 1"], "WHERE c = ?") == "UPDATE t SET a = ?, b = 1 WHERE c = ?"
    assert select(["a", "b"], "t", "LIMIT ?") == "SELECT a, b FROM t LIMIT ?"


def test_conditions_keep_their_values_in_order() -> None:
    """Each condition adds its values; None asks for nothing, and an empty choice matches nothing."""
    where = Where("x")
    where.equal("a", None)
    where.equal("b", "1")
    where.one_of("c", ("2", "3"))
    where.one_of("d", None)
    where.one_of("e", ())
    where.within(4.0, None)
    where.within(None, 5.0)
    assert str(where) == "WHERE x AND b = ? AND c IN (?, ?) AND 1 = 0 AND time >= ? AND time < ?"
    assert where.values == ["1", "2", "3", 4.0, 5.0]
    assert str(Where()) == ""
