"""Timeouts: limits of one attempt."""

import attrs
import pytest

from cc_async.session.timeouts import Timeouts


def test_the_defaults():
    """Ten seconds to connect, thirty of silence, sixty for an attempt; a frozen value."""
    assert Timeouts() == Timeouts(connect=10.0, read=30.0, attempt=60.0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Timeouts().read = 1


@pytest.mark.parametrize("name", ["connect", "read", "attempt"])
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (float("inf"), ValueError),
        (float("nan"), ValueError),
        (True, TypeError),
        ("5", TypeError),
        (None, TypeError),
    ],
)
def test_a_limit_is_a_positive_number_of_seconds(name, bad, error):
    """Anything but a positive, finite number is refused by name."""
    with pytest.raises(error, match=name):
        Timeouts(**{name: bad})
