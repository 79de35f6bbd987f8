"""The Django app of the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Pages, and the two counters of the door; the records of a practice live in `records`."""

    name = "safelight.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"
