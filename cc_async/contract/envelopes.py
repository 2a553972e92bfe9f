"""How the two servers wrap their answers, and what their codes ask of us."""

from __future__ import annotations

from types import MappingProxyType

from attrs import evolve

from cc_async.contract.spec import Envelope

CMS = Envelope(
    code="resultCode",
    data=("resultDesc", "resultDatas"),
    text=("resultDesc",),
    success=frozenset({"0100000", "0", "0200000"}),
    count="count",
    empty=frozenset({"0300012"}),
    retry=MappingProxyType({"0100001": 1, "0100999": 1}),
    wrong_shape=frozenset({"0100002"}),
)

GATEWAY = Envelope(
    code="retcode",
    data=("result",),
    text=("message",),
    success=frozenset({"0"}),
    # As often as the retry policy allows (3 attempts), and once: an idle agent may answer 100-007 every time.
    retry=MappingProxyType({"000-004": 2, "100-007": 1}),
    throttle=frozenset({"000-007"}),
)

# A few calls of the family answer with other names.
_RETURN_CODE = Envelope(
    code="returnCode",
    data=("data",),
    text=("description",),
    success=frozenset({"0100000", "0"}),
    count="count",
)

CMS_RAW = evolve(CMS, otherwise=_RETURN_CODE)
"""What the raw call reads: the whole family."""
