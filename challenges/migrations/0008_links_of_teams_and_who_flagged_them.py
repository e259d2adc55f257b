import challenges.models.team
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("challenges", "0007_taking_part"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="team",
            name="flagged_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="team",
            name="flagged_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="team",
            name="invitation",
            field=models.CharField(
                blank=True, default=challenges.models.team.new_invitation, max_length=24
            ),
        ),
        migrations.AddConstraint(
            model_name="team",
            constraint=models.UniqueConstraint(
                condition=models.Q(("invitation", ""), _negated=True),
                fields=("invitation",),
                name="invitation_of_one_team",
            ),
        ),
    ]
