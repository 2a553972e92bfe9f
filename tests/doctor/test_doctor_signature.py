"""Servers that want signatures made in one of the documented variants, and how the doctor finds out which."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from examined import PausesPass

from cc_async import CmsClient
from cc_async.doctor import FIRST_STEPS, Level, Limits, Patient, Report, examine
from cc_async.session.secret import Secret
from cc_async.settings import Site
from cc_async.simulator.signature import verify

AK, SK = "AKAK12345", "the secret of this key"
Wants = Callable[[Mapping[str, str]], bool]
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def wanting(wants: Wants, *, ping: bool = True) -> AsyncIterator[tuple[str, list[int]]]:
    """A server that takes good signatures of one kind only; yields its address and what it answered."""
    answered: list[int] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        good = verify(request.method, request.path, "", request.headers, body, {AK: SK}).good
        status = 200 if good and wants(request.headers) else 401
        if request.path.endswith("/ping") and not ping:
            status = 404
        answered.append(status)
        flat = b"queryParam" not in body
        answer = {"resultCode": "0100000", "resultDesc": []} if flat else {"resultCode": "0100002"}
        return web.json_response(answer if status == 200 else {"status": status}, status=status)

    async with serving(handler) as url:
        yield url, answered


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server; yields its address."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def part(headers: Mapping[str, str], number: int) -> str:
    """One part of the Authorization header: 2 is the time, 3 the names of the signed headers."""
    return headers["Authorization"].split("/")[number]


async def first_steps(url: str, clock: PausesPass | None = None, **given: Any) -> Report:
    """Examine up to the shape of requests."""
    site = Site(cms_url=url, access_key=AK, secret_key=Secret(SK), vdn=170, **given)
    return await examine(Patient.of(site, clock or PausesPass(), Limits(answer=5.0)), FIRST_STEPS)


VARIANTS: dict[str, tuple[Wants, dict[str, Any], int]] = {
    "as documented": (lambda headers: part(headers, 3) == "host" and "." not in part(headers, 2), {}, 0),
    "host without port": (lambda headers: ":" not in headers["Host"], {"host": "127.0.0.1"}, 2),
    "milliseconds and three headers": (
        lambda headers: "." in part(headers, 2) and part(headers, 3) == "content-length;content-type;host",
        {"milliseconds": True, "signed_headers": ["content-length", "content-type", "host"]},
        3,
    ),
}


@pytest.mark.parametrize("variant", VARIANTS)
async def test_the_variant_is_found(variant: str) -> None:
    """The settings are named after the rejections the order of trying costs, ten seconds after each."""
    wants, settings, rejections = VARIANTS[variant]
    clock = PausesPass()
    async with wanting(wants) as (url, answered):
        report = await first_steps(url, clock)
        assert report.settings == settings
        assert report.level is (Level.REMARK if settings else Level.OK)
        assert answered[: rejections + 1] == [401] * rejections + [200]
        assert [round(pause) for pause in clock.pauses if pause > 1] == [10] * rejections
        # What was printed is what a client is made of.
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        site = Site(cms_url=url, access_key=AK, secret_key=Secret(SK), vdn=170, **given)
        async with CmsClient(**site.cms_arguments()) as cms:
            await cms.ping()
        again = await first_steps(url, **given)
        assert again.level is Level.OK


async def test_a_server_without_ping() -> None:
    """An interface that every server has takes the place of ping, with the variants, too."""
    async with wanting(lambda headers: ":" not in headers["Host"], ping=False) as (url, answered):
        report = await first_steps(url)
    assert report.settings == {"host": "127.0.0.1"}
    assert answered[:4] == [404, 401, 401, 200]


async def test_a_missing_path_behind_a_rejection() -> None:
    """A server that checks signatures first and knows no ping: its 404 means that the signature is good."""
    asked: list[int] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        good = verify(request.method, request.path, "", request.headers, body, {AK: SK}).good
        status = 401 if not good or ":" in request.headers["Host"] else 404
        if status == 404 and request.path.endswith("/skills"):
            return web.json_response({"resultCode": "0100000", "resultDesc": []})
        asked.append(status)
        return web.json_response({"status": status}, status=status)

    async with serving(handler) as url:
        report = await first_steps(url)
    assert report.settings == {"host": "127.0.0.1"}
    assert asked == [401, 401, 404]
    assert report.level is Level.REMARK


async def test_trouble_among_the_variants_is_no_rejection() -> None:
    """A server that fails between says nothing about signatures: its trouble is named."""
    asked: list[int] = []

    async def handler(request: web.BaseRequest) -> web.Response:
        asked.append(401 if not asked else 503)
        headers = {"Date": "Wed, 04 Mar 2026 12:00:00 GMT"}
        return web.json_response({"status": asked[-1]}, status=asked[-1], headers=headers)

    async with serving(handler) as url:
        report = await first_steps(url)
    last = report.results[-1].findings[-1]
    assert (report.results[-1].step, last.name) == ("signature", "no-answer")
    assert "503" in last.text
    assert asked == [401, 503]


async def test_a_site_set_wrongly_is_tried_as_documented() -> None:
    """Settings that do not fit are the first suspects: the documented way is among the variants."""
    wants = VARIANTS["as documented"][0]
    async with wanting(wants) as (url, answered):
        report = await first_steps(
            url, milliseconds=True, signed_headers=("content-length", "content-type", "host")
        )
    assert report.settings == {"milliseconds": False, "signed_headers": ["host"]}
    assert answered.count(401) <= 4
    assert json.loads(json.dumps(report.to_dict()))["settings"] == report.settings
