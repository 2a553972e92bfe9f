"""What the system refuses: no space, no permission, a file in the way; said, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from folders import MANIFEST, SITE, check, days, parts

from cc_async import CmsClient, ExportError, SystemIndicators
from cc_async.export import Target
from cc_async.export.manifest import Manifest
from cc_async.export.schema import Schema
from cc_async.export.store import Store
from cc_async.simulator import Simulator


async def test_a_full_disk(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """When the system takes no more bytes, the run says so; what was finished stays, the rest comes later."""
    await days(cms, 1).to_parquet(tmp_path)
    size = parts(tmp_path)[0].stat().st_size
    await _limited(sim, tmp_path, size // 2, "no space for ")
    check(sim, tmp_path, 1)
    await days(cms).to_parquet(tmp_path)
    check(sim, tmp_path)


async def test_a_manifest_that_finds_no_space(sim: Simulator, cms: CmsClient, tmp_path: Path) -> None:
    """A line that does not fit is taken back: the partition is not done, and comes with the next run."""
    await days(cms, 1).to_parquet(tmp_path)
    path = tmp_path / MANIFEST
    whole = path.read_bytes()
    entry = Manifest(path).entries[1]
    code = f"""
    from cc_async.export.manifest import Manifest
    from pathlib import Path
    manifest = Manifest(Path({str(path)!r}))
    limit({len(whole) + 20})
    manifest.add(manifest.entries[{entry.number}])
    """
    assert "no space for " in await _child(code)
    assert path.read_bytes() == whole


def test_no_permission(tmp_path: Path) -> None:
    """A folder that may not be written is named, with what to do."""
    code = f"""
    import os
    from pathlib import Path
    from cc_async import SystemIndicators
    from cc_async.export import Target
    from cc_async.export.layout import Site
    from cc_async.export.schema import Schema
    from cc_async.export.store import Store
    target, schema = Target(Path({str(tmp_path)!r}) / "new"), Schema.of(SystemIndicators)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    Store(target, "system_indicators", Site("contact.example:443"), schema)
    """
    tmp_path.chmod(0o500)
    assert "no permission for " in asyncio.run(_child(code))


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A folder that is a file is an error of ours that names it."""
    (tmp_path / "there").write_text("")
    with pytest.raises(ExportError, match="there"):
        Store(Target(tmp_path / "there"), "system_indicators", SITE, Schema.of(SystemIndicators))


async def _limited(sim: Simulator, folder: Path, most: int, wanted: str) -> None:
    """Run the second day in a process that may write no file larger than so many bytes."""
    code = f"""
    import asyncio
    from datetime import UTC, datetime
    from cc_async import AkSk, CmsClient
    async def main():
        auth = AkSk({sim.global_access_key!r}, {sim.global_secret_key!r})
        async with CmsClient({sim.cms_url!r}, auth, quota=None) as cms:
            begin = datetime(2026, 3, 1, tzinfo=UTC)
            query = cms.system_indicators(begin=begin, end=begin.replace(day=3), vdns=[1, 2])
            limit({most})
            await query.to_parquet({str(folder)!r})
    asyncio.run(main())
    """
    assert wanted in await _child(code)


async def _child(code: str) -> str:
    """What a process says on stderr as it fails; ``limit(bytes)`` bounds its files as a full disk does."""
    head = """
    import resource, signal, sys
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    def limit(most):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(head) + textwrap.dedent(code),
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    return said.decode()
