"""The PostgreSQL that the other tests lean on."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers.postgres import Postgres, running


def test_the_server_lets_nobody_in_without_the_password(postgres: Postgres) -> None:
    stranger = Postgres(postgres.folder, postgres.port, "guessed")
    with pytest.raises(RuntimeError, match="password authentication failed"):
        stranger.sql("SELECT 1")


def test_the_server_is_not_run_by_root(postgres: Postgres) -> None:
    assert postgres.process is not None
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0


def test_its_user_makes_databases_that_are_empty_and_apart(postgres: Postgres) -> None:
    first, second = postgres.database(), postgres.database()
    postgres.sql("CREATE TABLE here (x int)", database=first.rpartition("/")[2])
    asked = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.sql(asked, database=second.rpartition("/")[2]) == "0"


def test_a_killed_server_comes_back_with_what_it_had_and_leaves_nothing_at_the_end() -> None:
    with running() as server:
        server.sql("CREATE TABLE kept AS SELECT 7 AS x")
        server.kill()
        with pytest.raises(RuntimeError):
            server.sql("SELECT x FROM kept")
        server.start()
        assert server.sql("SELECT x FROM kept") == "7"
        assert server.process is not None
        pid, folder = server.process.pid, server.folder
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()
