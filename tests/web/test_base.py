"""Settings, log lines, forms and words."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django import forms as django_forms
from django.template import Context, Template, TemplateSyntaxError
from django.utils import timezone

from safelight.web import config
from safelight.web.forms import DayField, Option, put_right
from safelight.web.logs import Bare
from safelight.web.templatetags.safelight import (
    clock,
    day,
    full_day,
    inside,
    moment,
    on_day,
    qr,
    tone,
)


def test_an_empty_variable_is_as_good_as_none(tmp_path: Path):
    empty = {"SAFELIGHT_MODE": "", "SAFELIGHT_PASSPHRASE": "", "SAFELIGHT_BEHIND_PROXY": ""}
    said = config.read(empty | {"SAFELIGHT_HOME": str(tmp_path)})
    assert said == config.Config(home=tmp_path)


def test_the_environment_outranks_the_file(tmp_path: Path):
    (tmp_path / "safelight.toml").write_text(
        'server_url = "https://a.example"\nidle_minutes = 5\n', encoding="utf-8"
    )
    said = config.read({"SAFELIGHT_HOME": str(tmp_path), "SAFELIGHT_IDLE_MINUTES": "7"})
    assert (said.server_url, said.idle_minutes, said.home) == ("https://a.example", 7, tmp_path)
    assert said.tls


@pytest.mark.parametrize(
    "said",
    [
        {"SAFELIGHT_IDLE_MINUETS": "5"},
        {"SAFELIGHT_IDLE_MINUTES": "soon"},
        {"SAFELIGHT_IDLE_MINUTES": "0"},
        {"SAFELIGHT_MODE": "production"},
        {"SAFELIGHT_KEY_MANAGER": "a drawer"},
        {"SAFELIGHT_KEY_DAYS": "0"},
        {"SAFELIGHT_KEYS_URL": "keys.db"},
        {
            "SAFELIGHT_KEYS_URL": "postgresql://keys@db.example/safelight",
            "SAFELIGHT_DATABASE_URL": "postgresql://records:pw@db.example:5432/safelight",
        },
        {"SAFELIGHT_SERVER_URL": "safelight.example"},
        {"SAFELIGHT_BEHIND_PROXY": "perhaps"},
        {"SAFELIGHT_CONFIG": "/nowhere/safelight.toml"},
    ],
)
def test_settings_that_do_not_fit_are_refused(said, tmp_path):
    with pytest.raises(config.ConfigRefused):
        config.read({"SAFELIGHT_HOME": str(tmp_path)} | said)


@pytest.mark.parametrize("text", ["not toml", "secret_key = 7", "mode = [1]"])
def test_a_file_that_does_not_fit_is_refused(text, tmp_path):
    (tmp_path / "safelight.toml").write_text(text, encoding="utf-8")
    with pytest.raises(config.ConfigRefused):
        config.read({"SAFELIGHT_HOME": str(tmp_path)})


def test_the_passphrase_comes_from_the_environment_a_file_or_systemd(tmp_path):
    plain = config.Config(passphrase="said")
    assert config.passphrase(plain, {}) == "said"
    place = tmp_path / config.CREDENTIAL
    place.write_text("kept\n", encoding="utf-8")
    assert config.passphrase(config.Config(passphrase_file=place), {}) == "kept"
    assert config.passphrase(config.Config(), {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "kept"
    assert config.passphrase(config.Config(), {}) is None
    place.unlink()
    for number in (1, 3):
        (tmp_path / f"safelight-share-{number}").write_text(f"SLS1-{number}\n", encoding="utf-8")
    both = config.passphrase(config.Config(), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert both == "SLS1-1\nSLS1-3"
    assert "said" not in repr(plain)


def test_a_bucket_is_named_with_what_goes_with_it(tmp_path):
    assert config.s3_place(config.Config()) is None
    secret = tmp_path / "secret"
    secret.write_text("hush\n", encoding="utf-8")
    said = config.Config(
        s3_bucket="pictures", s3_prefix="/here/", s3_access_key="we", s3_secret_key_file=secret
    )
    place = config.s3_place(said)
    assert place is not None
    assert (place["prefix"], place["secret_key"]) == ("here", "hush")
    assert (place["endpoint"], place["region"]) == (None, "us-east-1")
    assert config.s3_place(config.Config(s3_bucket="pictures"))["access_key"] is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"s3_prefix": "here"}, "s3_bucket is missing"),
        ({"s3_bucket": "pictures", "blobs": Path("/blobs")}, "two places"),
        ({"s3_bucket": "pictures", "s3_access_key": "we"}, "belong together"),
        ({"s3_bucket": "ab"}, "three characters"),
        (
            {
                "s3_bucket": "pictures",
                "s3_access_key": "we",
                "s3_secret_key_file": Path("/nowhere/secret"),
            },
            "can't be read",
        ),
    ],
)
def test_settings_of_a_bucket_that_do_not_fit_are_refused(said, why):
    with pytest.raises(config.ConfigRefused, match=why):
        config.s3_place(config.Config(**said))


def test_a_database_can_be_named():
    said = config.Config(database_url="postgresql://safe:p%40ss@db.example:5433/records")
    made = config.databases(said)["default"]
    assert (made["NAME"], made["USER"], made["PASSWORD"]) == ("records", "safe", "p@ss")
    with pytest.raises(config.ConfigRefused):
        config.databases(config.Config(database_url="mysql://x/y"))


def test_a_postgresql_waits_for_a_lock_as_long_as_sqlite_and_may_be_reached_by_tls():
    url = "postgresql://safe@db.example/records?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    options = config.databases(config.Config(database_url=url))["default"]["OPTIONS"]
    assert f"lock_timeout={config.BUSY_S}s" in options["options"]
    assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


@pytest.mark.parametrize("query", ["sslmod=verify-full", "options=-c%20lock_timeout%3D0"])
def test_an_option_of_the_database_that_nobody_knows_refuses(query):
    with pytest.raises(config.ConfigRefused, match="unknown options"):
        config.databases(config.Config(database_url=f"postgresql://db.example/records?{query}"))


def test_sqlite_keeps_what_it_promises(tmp_path):
    options = config.databases(config.Config(home=tmp_path))["default"]["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert options["timeout"] == 30
    assert {"WAL", "FULL"} <= set(options["init_command"].replace(";", "=").split("="))


def line(name: str, message: str, *values: object, error: Exception | None = None) -> str:
    info = None
    if error is not None:
        try:
            raise error
        except type(error) as caught:
            info = (type(caught), caught, caught.__traceback__)
    return Bare().format(logging.LogRecord(name, logging.ERROR, "x", 1, message, values, info))


def test_a_log_line_of_others_holds_no_value():
    assert "Edith" not in line("django.request", "Not Found: %s", "/?q=Edith+Marlowe")


def test_a_log_line_tells_where_and_never_what():
    written = line("django.request", "%s", "x", error=ValueError("no such day: Edith Marlowe"))
    assert "ValueError" in written
    assert "test_base.py" in written
    assert "Edith" not in written


def test_our_own_lines_are_written_whole_and_stay_one_line():
    assert line("safelight.flows", "step %s\nfailed", "mail").endswith("step mail failed")


class Born(django_forms.Form):
    born_on = DayField(label="Date of birth")
    later = DayField(label="Later", required=False)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("", "", ""), "Type the day, the month and the year"),
        (("", "3", "1955"), "Type the day"),
        (("14", "", "1955"), "Type the month"),
        (("14", "3", ""), "Type the year"),
        (("14", "March", "1955"), "Type the month as a number"),
        (("14", "3", "55"), "Type the year with four digits"),
        (("31", "2", "1955"), "There is no such day"),
        (("0", "2", "1955"), "There is no such day"),
    ],
)
def test_a_day_that_does_not_fit_says_what_to_do(typed, words):
    form = Born(dict(zip(("born_on_day", "born_on_month", "born_on_year"), typed, strict=True)))
    assert form.errors["born_on"][0].startswith(words)


def test_a_day_is_three_boxes_in_one_fieldset():
    form = Born({"born_on_day": "14", "born_on_month": "3", "born_on_year": "1955"})
    assert form.is_valid()
    assert form.cleaned_data == {"born_on": date(1955, 3, 14), "later": None}
    html = str(Born(initial={"born_on": date(1955, 3, 14)})["born_on"].as_field_group())
    assert html.index("<legend>") < html.index('class="hint"') < html.index("<label>Day")
    assert 'value="1955"' in html


def test_an_error_stands_between_hint_and_control_and_is_read_with_it():
    class Asked(django_forms.Form):
        why = django_forms.CharField(label="Why?", help_text="Briefly")

    html = str(Asked({"why": ""})["why"].as_field_group())
    assert html.index('id="id_why_helptext"') < html.index('id="id_why_error"')
    assert html.index('id="id_why_error"') < html.index("<input")
    assert 'aria-describedby="id_why_helptext id_why_error"' in html
    assert 'aria-invalid="true"' in html


def test_a_choice_is_never_chosen_beforehand_and_may_explain_itself():
    class Asked(django_forms.Form):
        one = django_forms.ChoiceField(
            widget=django_forms.RadioSelect, choices=[("a", Option("First", "With a line"))]
        )

    html = str(Asked()["one"].as_field_group())
    assert "checked" not in html
    assert '<span class="d">With a line</span>' in html


def test_what_a_flow_refuses_goes_to_its_field():
    form = Born({"born_on_day": "1", "born_on_month": "1", "born_on_year": "1999"})
    put_right(form, {"born_on": "Too young", "other": "Not today"})
    assert form.errors["born_on"] == ["Too young"]
    assert form.non_field_errors() == ["Not today"]
    page = Template("{% errors_of form %}").render(Context({"form": form}))
    assert "2 things to put right" in page
    assert 'href="#id_born_on_0"' in page or 'href="#id_born_on_day"' in page


def test_days_are_said_as_people_say_them():
    now = timezone.localtime()
    assert day(now) == f"Today {now:%H:%M}"
    assert day((now - timedelta(days=1)).date()) == "Yesterday"
    assert day(date(now.year - 2, 10, 17)) == f"17 October {now.year - 2}"
    assert day(None) == clock(None) == full_day(None) == ""
    assert full_day(date(1955, 3, 14)) == "14 March 1955"
    assert inside(day(now)) == f"today {now:%H:%M}"
    assert inside(day(date(now.year - 2, 10, 17))) == f"17 October {now.year - 2}"
    assert on_day(now) == f"today at {now:%H:%M}"
    assert on_day((now - timedelta(days=1)).date()) == "yesterday"
    assert on_day(date(now.year - 2, 10, 17)) == f"on 17 October {now.year - 2}"
    assert on_day(None) == inside("") == moment(None) == ""


def test_two_moments_of_one_day_are_told_apart():
    now = timezone.localtime()
    assert moment(now) == f"Today {now:%H:%M}"
    before = datetime(now.year - 2, 10, 17, 9, 15, tzinfo=now.tzinfo)
    assert moment(before) == f"17 October {now.year - 2} 09:15"
    assert clock(datetime(2026, 7, 1, 8, 15, tzinfo=UTC)) == "09:15"


def test_an_outcome_that_nobody_knows_has_no_colour():
    assert [tone(each) for each in ("permit", "hold", "refuse", "perhaps")] == [
        *("yes", "hold", "no", "calm")
    ]


def test_a_page_never_loses_an_icon_unnoticed():
    with pytest.raises(KeyError):
        Template('{% icon "nothing" %}').render(Context())
    with pytest.raises(TemplateSyntaxError):
        Template("{% component %}{% endcomponent %}")


def test_a_component_holds_its_content_and_the_page_around_it():
    page = Template(
        '{% component "decision" tone="no" verdict="Not permitted" %}<p>{{ why }}</p>{% endcomponent %}'
    )
    html = page.render(Context({"why": "<none>"}))
    assert "Not permitted" in html
    assert "<p>&lt;none&gt;</p>" in html


def test_a_code_says_what_it_is_to_those_who_cannot_see_it():
    assert 'aria-label="The &lt;code&gt;"' in qr("https://localhost", "The <code>")
