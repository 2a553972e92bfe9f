"""Codes: known numbers have names, unknown ones are kept, and nothing grows."""

import pickle

import pytest

from cc_async.contract.codes import HINTS, MEANINGS, AgentStatus, CtiStatus, MediaType, OpenIntEnum

TABLES = [AgentStatus, CtiStatus, MediaType]


@pytest.mark.parametrize("table", TABLES)
def test_a_number_outside_the_table_is_kept(table: type[OpenIntEnum]) -> None:
    """An unknown number compares, hashes and pickles as the number it is, and its repr says so."""
    member = table(4242)
    assert isinstance(member, table)
    assert member == 4242
    assert member == table(4242)
    assert {member: "x"}[4242] == "x"
    assert pickle.loads(pickle.dumps(member)) == member
    assert type(pickle.loads(pickle.dumps(member))) is table
    assert not member.known
    assert "4242" in repr(member)
    assert "not in the table" in repr(member)


@pytest.mark.parametrize("table", TABLES)
def test_unknown_numbers_leave_no_trace(table: type[OpenIntEnum]) -> None:
    """A server that invents numbers does not fill the tables."""
    before = (len(table), len(table._value2member_map_))
    for number in range(10_000, 20_000):
        table(number)
    assert (len(table), len(table._value2member_map_)) == before


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, True, "4", 1.5, None])
def test_what_is_no_64_bit_number_is_refused(value: object) -> None:
    """Only whole numbers of 64 bits are codes."""
    with pytest.raises(ValueError, match="is not a valid AgentStatus"):
        AgentStatus(value)


def test_the_documented_numbers_have_names() -> None:
    """The numbers of the vendor's tables are known, and the two agent tables agree where the page says so."""
    assert [int(member) for member in AgentStatus] == [0, 2, 3, 4, 5, 7, 8]
    assert [int(member) for member in CtiStatus] == list(range(11))
    assert [int(member) for member in MediaType] == [*range(1, 24), *range(50, 56)]
    pairs = [(3, 7), (4, 1), (5, 6), (7, 5), (8, 8)]
    assert all(AgentStatus(ours).name == CtiStatus(theirs).name for ours, theirs in pairs)


def test_hints_belong_to_codes_with_a_meaning() -> None:
    """No advice for a code that is not explained."""
    assert HINTS.keys() <= MEANINGS.keys()
