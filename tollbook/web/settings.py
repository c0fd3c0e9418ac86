"""Django's settings for the web application: those of the book, and what log-in, sessions, pages and headers need.

TOLLBOOK_PUBLIC_URL             the address people type (https://tollbook.example); unset means this machine only
TOLLBOOK_TRUST_PROXY            1 where a proxy of yours stands in front and sets X-Forwarded-Proto and X-Forwarded-For
TOLLBOOK_REQUIRE_SECOND_FACTOR  1 to let nobody on without an authenticator app or a passkey
TOLLBOOK_METRICS_TOKEN          bearer token for /metrics from elsewhere than this machine

`tollbook serve` sets the first two from its options. There is no default secret and no default password.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from tollbook.settings import *  # noqa: F403
from tollbook.settings import INSTALLED_APPS as STORE_APPS

PUBLIC_URL = os.environ.get("TOLLBOOK_PUBLIC_URL", "").rstrip("/")
TRUST_PROXY = os.environ.get("TOLLBOOK_TRUST_PROXY") == "1"
REQUIRE_SECOND_FACTOR = os.environ.get("TOLLBOOK_REQUIRE_SECOND_FACTOR") == "1"
IS_SECURE = PUBLIC_URL.startswith("https://")
LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    *STORE_APPS,
    "tollbook.web",
]
MIDDLEWARE = [
    "tollbook.web.middleware.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "tollbook.web.middleware.Compress",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tollbook.web.metrics.MeasureRequests",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tollbook.web.middleware.Problems",
]
ROOT_URLCONF = "tollbook.web.urls"
WSGI_APPLICATION = "tollbook.web.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": False,
        "OPTIONS": {
            # Ours first: the log-in pages of allauth wear our look.
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["tollbook.web.templating.OurTemplates", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tollbook.web.templating.frame",
            ],
            "builtins": ["tollbook.web.templatetags.tollbook"],
            "string_if_invalid": "",
        },
    }
]

# Who is asked for: the host of the public address, and this machine by its own names.
ALLOWED_HOSTS = [*LOOPBACK_HOSTS, *filter(None, [urlsplit(PUBLIC_URL).hostname])]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1
else:
    ALLAUTH_TRUSTED_PROXY_COUNT = 0

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
SESSION_COOKIE_NAME = "__Host-tollbook" if IS_SECURE else "tollbook"
CSRF_COOKIE_NAME = "__Host-tollbook-csrf" if IS_SECURE else "tollbook-csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SECURE_HSTS_SECONDS = 365 * 86_400 if IS_SECURE else 0
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "SAMEORIGIN"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3 * 86_400  # how long an invitation is good for
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "tollbook.web.accounts.adapter.InvitedOnly"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/300s/key", "reauthenticate": "10/m/user"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# There are no e-mail addresses here to verify: people are invited by the owner, by name.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Tollbook"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Browsers themselves let passkeys work on plain HTTP for localhost alone; elsewhere the address is https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_SECURE

# Shared by the worker processes: what counts failed log-ins must be seen by all of them.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "web_cache"}}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

STATIC_URL = "/static/"
STATIC_ROOT = None
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
# Every address of a file carries its digest (templating.asset), so a changed file has another address.
WHITENOISE_MAX_AGE = 365 * 86_400

LANGUAGE_CODE = "en"
USE_I18N = True
USE_THOUSAND_SEPARATOR = False
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

LOGGING_CONFIG = "logging.config.dictConfig"  # type: ignore[assignment]  # the book alone keeps quiet
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
