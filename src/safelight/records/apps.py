"""The Django app of the records."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Names the app; there are no signals here, by decision (ADR-0003)."""

    name = "safelight.records"
    label = "records"
    default_auto_field = "django.db.models.BigAutoField"
