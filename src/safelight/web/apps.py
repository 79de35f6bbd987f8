"""The Django app of the pages."""

import os

from django.apps import AppConfig
from django.conf import settings
from django.forms import fields

from safelight.interop import pictures


class WebConfig(AppConfig):
    """Pages, and the two counters of the door; the records of a practice live in `records`."""

    name = "safelight.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have errors say what to do, on every form, where a form says nothing better."""
        fields.Field.default_error_messages["required"] = "Fill this in"
        fields.ChoiceField.default_error_messages["required"] = "Choose one"
        fields.MultipleChoiceField.default_error_messages["required"] = "Choose at least one"
        fields.BooleanField.default_error_messages["required"] = "Tick this to go on"
        fields.EmailField.default_error_messages["invalid"] = (
            "Type a whole address, like name@practice.example"
        )
        if settings.SAFELIGHT_MODE == "demo" and "SAFELIGHT_UNLOCKED_DECODING" in os.environ:
            pictures.allow_unlocked(os.environ["SAFELIGHT_UNLOCKED_DECODING"])
