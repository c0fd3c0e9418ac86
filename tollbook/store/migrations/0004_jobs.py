"""Long work started from a page, its progress, and the workers that do it."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0003_tokens'),
    ]

    operations = [
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=200)),
                ('subject', models.CharField(max_length=200)),
                ('parameters', models.JSONField()),
                ('actor', models.CharField(max_length=200)),
                ('role', models.CharField(max_length=200)),
                ('state', models.CharField(default='QUEUED', max_length=200)),
                ('created_at', models.BigIntegerField()),
                ('started_at', models.BigIntegerField(null=True)),
                ('finished_at', models.BigIntegerField(null=True)),
                ('attempts', models.IntegerField(default=0)),
                ('worker', models.CharField(blank=True, default='', max_length=200)),
                ('cancel_wanted_by', models.CharField(blank=True, default='', max_length=200)),
                ('problems', models.JSONField(default=list)),
                ('result', models.JSONField(default=dict)),
            ],
            options={
                'db_table': 'job',
            },
        ),
        migrations.CreateModel(
            name='Worker',
            fields=[
                ('id', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('started_at', models.BigIntegerField()),
                ('seen_at', models.BigIntegerField(db_index=True)),
                ('job', models.CharField(blank=True, default='', max_length=32)),
            ],
            options={
                'db_table': 'worker',
            },
        ),
        migrations.CreateModel(
            name='JobProgress',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='progress', serialize=False, to='store.job')),
                ('number', models.BigIntegerField(default=0)),
                ('stage', models.CharField(blank=True, default='', max_length=200)),
                ('detail', models.CharField(blank=True, default='', max_length=300)),
                ('done', models.BigIntegerField(default=0)),
                ('total', models.BigIntegerField(default=0)),
                ('seen_at', models.BigIntegerField(default=0)),
            ],
            options={
                'db_table': 'job_progress',
            },
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['state', 'created_at'], name='job_by_state'),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(fields=['created_at'], name='job_by_time'),
        ),
    ]
