"""Whose rows a folder holds: those of one contact center."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import truth
from folders import DAY, asked, counted, parquet

from cc_async import CmsClient, ExportError, Query, SystemIndicators
from cc_async.export import Target, export


async def test_another_contact_center_is_refused(
    open_sim: Callable[..., Any], make_cms: Callable[..., CmsClient], tmp_path: Path
) -> None:
    """Rows of two hosts do not mix in a folder; a host that moved is told once and kept from then on."""

    def days(sim: Any, count: int) -> Query[SystemIndicators]:
        return make_cms(sim).system_indicators(begin=DAY, end=DAY + timedelta(days=count), vdns=[1, 2])

    one, other = await open_sim(), await open_sim()
    hosts = [urlsplit(each.cms_url).netloc for each in (one, other)]
    await days(one, 1).to_parquet(tmp_path)
    with pytest.raises(ExportError, match=f"host={hosts[0]}, not {hosts[1]}") as caught:
        await days(other, 2).to_parquet(tmp_path)
    assert "moved" in (caught.value.hint or "")
    assert asked(other) == 0
    account = await export(days(other, 2), Target(tmp_path, moved=True))
    assert (account.done, account.skipped) == (1, 1)
    assert (await days(other, 2).to_parquet(tmp_path)).requests == 0
    with pytest.raises(ExportError, match=f"host={hosts[1]}, not {hosts[0]}"):
        await days(one, 2).to_parquet(tmp_path)
    wanted = truth.system_indicators(one, DAY, DAY + timedelta(days=2), [1, 2])
    assert counted(parquet(tmp_path)) == counted(wanted)
