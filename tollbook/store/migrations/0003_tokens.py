"""Tokens of the API: who made them, until when, when they were last used; and the answers to writes that come again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0002_exception_events")]

    operations = [
        migrations.AddField("user", "created_by", models.CharField(blank=True, default="", max_length=200)),
        migrations.AddField("user", "expires_at", models.BigIntegerField(null=True)),
        migrations.AddField("user", "last_used_at", models.BigIntegerField(null=True)),
        migrations.AddField("user", "token_hint", models.CharField(blank=True, default="", max_length=200)),
        migrations.CreateModel(
            name="ApiAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200)),
                ("input_hash", models.CharField(max_length=64)),
                ("status", models.IntegerField()),
                ("body", models.TextField(blank=True, default="")),
                ("created_at", models.BigIntegerField(db_index=True)),
            ],
            options={
                "db_table": "api_answer",
                "constraints": [models.UniqueConstraint(fields=("actor", "key"), name="api_answer_once")],
            },
        ),
    ]
