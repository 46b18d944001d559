"""The peer: a bare FastAPI application on the console's database, one route a question, no page around it."""

import os
import sys
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlmodel import Session

from config.settings import Settings
from models import Sighting, User
from services.access.actors import actor_of
from services.application import browsing
from services.application.browsing import Wanted
from services.record.database import WRITE, engine_of


def create_bare(settings: Settings) -> FastAPI:
    """`/lines`: the list's own two queries. `/row`: one row written and committed, as cheaply as the database can."""
    app, engine = FastAPI(), engine_of(settings)

    @app.get("/lines")
    def lines(page: int = 1, text: str = "", sort: str = "number") -> JSONResponse:
        with Session(engine) as session:
            actor = actor_of(session.get_one(User, int(os.environ["BENCH_USER"])))
            found = browsing.lines(session, actor, Wanted(1, text=text, sort=sort), page=page)
            rows = [{**row._asdict(), "submitted": str(row.submitted)} for row in found.rows]
            return JSONResponse({"rows": rows, "total": found.total})

    @app.post("/row")
    def row() -> JSONResponse:
        with Session(engine) as session:
            session.connection(execution_options=WRITE)
            session.add(Sighting(user_id=1, subject="benchmark", seen_at=datetime.now(UTC)))
            session.commit()
            return JSONResponse({})

    return app


if __name__ == "__main__":
    uvicorn.run(create_bare(Settings()), port=int(sys.argv[1]), log_level="warning")
