import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Apart from the one before: PostgreSQL alters no table whose rows changed just now."""

    dependencies = [("challenges", "0004_preparing")]

    operations = [
        migrations.AlterField(
            model_name="challenge",
            name="dataset",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="challenge",
                to="challenges.dataset",
            ),
        ),
    ]
