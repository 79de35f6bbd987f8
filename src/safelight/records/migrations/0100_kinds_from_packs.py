"""Let the pack in force name the kinds of authority: the records keep what was said, whatever it is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The column stays as it is; only what forms may offer is no longer fixed here."""

    dependencies = [("records", "0043_ledger_check")]

    operations = [
        migrations.AlterField(
            model_name="representative", name="authority", field=models.CharField(max_length=30)
        )
    ]
