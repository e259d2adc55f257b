"""Django's settings. What an operator may change comes from the environment."""

from urllib.parse import quote

import structlog
from csp.constants import NONE, SELF

from config.database import database_of
from config.environment import ROOT, environment, kept_secret
from config.mail import TIMEOUT_SECONDS, MailServer

_environment = environment()

STATE = _environment.state
STATE.mkdir(parents=True, exist_ok=True)
STATE.chmod(0o700)  # the database holds sessions, and the folders what nobody else may read
for _folder in ("run", "logs", "storage/public", "storage/private", "storage/untrusted/incoming"):
    (STATE / _folder).mkdir(parents=True, exist_ok=True, mode=0o700)

SECRET_KEY = _environment.secret_key or kept_secret(STATE / "secret_key")
INSTALLATION_ID = (
    kept_secret(STATE / "installation_id")[:16].lower().replace("_", "x").replace("-", "x")
)
HOST_ID = kept_secret(STATE / "host_id")[:8].lower().replace("_", "x").replace("-", "x")
DEBUG = False
DEMO = _environment.demo
ALLOWED_HOSTS = _environment.hosts
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "ninja",
    "accounts",
    "challenges",
    "submissions",
    "leaderboards",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.NoNul",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.notices",
            ],
        },
    }
]

DATABASES = {"default": database_of(_environment.database_url, STATE)}

# Counts requests; kept in files, so that all processes of a host count together without a broker.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": STATE / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

# Storage by trust: public files may be downloaded; private ones leave only through a view that asks
# a policy; untrusted ones came from outside and are never served.
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": STATE / "storage" / "public"},
    },
    "private": {
        "BACKEND": "challenges.storage.FolderWithoutAddress",
        "OPTIONS": {"location": STATE / "storage" / "private"},
    },
    "untrusted": {
        "BACKEND": "challenges.storage.FolderWithoutAddress",
        "OPTIONS": {"location": STATE / "storage" / "untrusted"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
STATICFILES_DIRS = [
    ROOT / "static",
    *(
        (prefix, folder)
        for prefix, package in (
            ("vendor", "htmx.org"),
            ("tus", "tus-js-client"),
            ("niivue", "@niivue/niivue"),
        )
        if (folder := ROOT / "node_modules" / package / "dist").is_dir()
    ),
]

FILE_UPLOAD_TEMP_DIR = STATE / "storage" / "untrusted" / "incoming"
FILE_UPLOAD_HANDLERS = ["submissions.uploading.CarefulUploadHandler"]
UPLOAD_BYTES = int(_environment.upload_gib * 1024**3)
DATA_UPLOAD_BYTES = int(_environment.data_upload_gib * 1024**3)

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
# Without a mail server nothing can be confirmed; see docs/settings.md.
ACCOUNT_EMAIL_VERIFICATION = "optional" if _environment.mail_url else "none"
ACCOUNT_SESSION_REMEMBER = True
ADDRESS = _environment.public_address
MAIL_LEAVES = bool(_environment.mail_url)
MAIL_WORDS = f"{STATE / 'mail'}, as files"
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = STATE / "mail"
DEFAULT_FROM_EMAIL = _environment.mail_from or "Uptake <uptake@localhost>"
EMAIL_SUBJECT_PREFIX = ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Uptake] "
EMAIL_TIMEOUT = TIMEOUT_SECONDS
if MAIL_LEAVES:
    _server = MailServer.read(_environment.mail_url)
    MAIL_WORDS = str(_server)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST, EMAIL_PORT = _server.host, _server.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _server.user, _server.password
    EMAIL_USE_TLS = _server.scheme == "smtp+starttls"
    EMAIL_USE_SSL = _server.scheme == "smtps"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = _environment.https
API_PER_MINUTE = _environment.api_per_minute
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _environment.https
if _environment.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

LANGUAGE_CODE = "en-gb"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

BROKER_SOCKET = STATE / "run" / "broker.sock"
CELERY_BROKER_URL = _environment.redis_url or f"redis+socket://{quote(str(BROKER_SOCKET))}"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A message is a hint: it is acknowledged on receipt and may be lost or doubled without harm.
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2}
CELERY_TASK_ROUTES = {
    "submissions.run_next": {"queue": "sandbox"},
    "submissions.score_next": {"queue": "scoring"},
    "challenges.*": {"queue": "data"},
    "*": {"queue": "default"},
}

BASELINES = ROOT / "examples" / "algorithms"
SANDBOX_SLOTS = _environment.slots
METRICS_TOKEN = _environment.metrics_token
GVISOR = _environment.gvisor
LEASE_SECONDS = _environment.lease_seconds
RECONCILE_SECONDS = _environment.reconcile_seconds

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "lines": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.dev.ConsoleRenderer(
                # Not the one with local variables: they may hold what nobody should read.
                colors=False,
                exception_formatter=structlog.dev.plain_traceback,
            ),
            "foreign_pre_chain": [
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        name: {"level": "WARNING"} for name in ("docker", "httpx", "fontTools", "matplotlib")
    },
}
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
