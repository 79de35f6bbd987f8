"""Keep every switch of a pack in one place, by its name, and not one of England's in a column of its own."""

from typing import Any

from django.db import migrations, models


def move(apps: Any, schema_editor: Any) -> None:
    """Carry over the one switch that there was, with its reason."""
    for practice in apps.get_model("records", "Practice").objects.exclude(var17_reason=""):
        practice.switches = {"var17": practice.var17_reason}
        practice.save(update_fields=["switches"])


class Migration(migrations.Migration):
    """There is no way back: another pack's switches have no column."""

    dependencies = [("records", "0101_studies")]

    operations = [
        migrations.AddField(
            model_name="practice",
            name="switches",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(move),
        migrations.RemoveField(model_name="practice", name="var17_reason"),
    ]
