"""Keep every switch of a pack in one place, by its name, and not one of England's in a column of its own."""

from typing import Any

from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """Carry over the one switch that there was, with its reason."""
    for practice in apps.get_model("records", "Practice").objects.exclude(var17_reason=""):
        practice.switches = {"var17": practice.var17_reason}
        practice.save(update_fields=["switches"])


def move_back(apps: Any, schema_editor: Any) -> None:
    """Put back the one switch that has a column; another pack's would be lost."""
    for practice in apps.get_model("records", "Practice").objects.exclude(switches={}):
        practice.var17_reason = practice.switches.get("var17", "")
        practice.save(update_fields=["var17_reason"])


class Migration(migrations.Migration):
    """Going back keeps England's switch alone: another pack's has no column."""

    dependencies = [("records", "0101_studies")]

    operations = [
        migrations.AddField(
            model_name="practice",
            name="switches",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(move, move_back),
        migrations.RemoveField(model_name="practice", name="var17_reason"),
    ]
