"""A web service for wallboards: callers of one moment are joined, every figure says what it is worth."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Path, Request
from fastapi.responses import JSONResponse

from cc_async import CcError, CmsClient, SkillState, UnknownKey
from cc_async.monitor import figures


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with CmsClient.from_env() as app.state.cms:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/queues/{skill_id}")
async def queue(skill_id: Annotated[int, Path(ge=1)], request: Request) -> SkillState:
    cms: CmsClient = request.app.state.cms
    return await cms.skill_states().one(skill_id, max_age=5)


@app.get("/service-level")
async def service_level(request: Request) -> dict[str, str | float | None]:
    batch = await request.app.state.cms.skill_call_stats(partial=True)
    figure = figures.service_level(batch, now=datetime.now(UTC))
    return {"text": str(figure), "value": figure.value, "coverage": figure.coverage}


@app.exception_handler(CcError)
async def failed(request: Request, error: CcError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 404 if isinstance(error, UnknownKey) else 503)
