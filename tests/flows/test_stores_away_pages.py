"""A store that fails under a page: 503 and what to do, never a page that knows nothing."""

from __future__ import annotations

import logging

import pytest
from django.urls import reverse
from django.utils import timezone

from clients import signed_in
from flows.conftest import agree, take
from safelight import storage
from safelight.flows import opening
from safelight.web.logs import Bare


def kinds(of: type[Exception]) -> list[type[Exception]]:
    return [of, *(each for child in of.__subclasses__() for each in kinds(child))]


@pytest.mark.parametrize("kind", kinds(storage.StorageError), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_whatever_a_store_says_reaches_a_person(adult, gp, monkeypatch, caplog, kind, accept):
    photo = take(adult, gp, agree(adult, gp, now=timezone.now())[0], now=timezone.now())

    def fails(*_args, **_more):
        raise kind("Anna Quillon, 9434765919")

    monkeypatch.setattr(opening, "unsealed", fails)
    client = signed_in(gp)
    with caplog.at_level(logging.ERROR):
        shown = client.get(reverse("picture-image", args=[photo.pk]), headers={"Accept": accept})
    text = shown.json()["detail"] if accept == "application/json" else shown.content.decode()
    assert shown.status_code == 503
    assert kind.for_people.split(".")[0].replace("'", "") in text.replace("&#x27;", "").replace(
        "'", ""
    )
    assert "Quillon" not in shown.content.decode()
    logged = "\n".join(Bare().format(each) for each in caplog.records)
    assert kind.__name__ in logged
    assert "Quillon" not in logged
