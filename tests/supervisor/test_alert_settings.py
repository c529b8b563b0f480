"""Settings by which people are told of troubles: half of one, or a mistyped one, refuses to start and says so."""

import pytest

from reminder_site.config import BadSetting, Settings

SECRET = {"SECRET_KEY": "Zk3-9fQ_w7Lr2Yt8Vb5Nc1Xm6Hd4Gs0Pa"}
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAIL = {"SMTP_URL": "smtps://site:p%40ss@mail.example:465", "ALERT_MAIL_FROM": "site@elm.example"}
HOOK = {"ALERT_WEBHOOK_URL": "https://ops.example/hook", "ALERT_WEBHOOK_SECRET": WHSEC}


def settings(**given):
    return Settings.from_env(SECRET | given)


def test_without_any_of_them_nobody_outside_is_told():
    known = settings()
    assert (known.operators, known.smtp_url, known.alert_webhook_url, known.deadman_url) == ((), "", "", "")


def test_several_addresses_stand_with_commas_between():
    known = settings(**MAIL, **HOOK, ALERT_MAIL_TO=" ops@elm.example, night@elm.example ,")
    assert known.operators == ("ops@elm.example", "night@elm.example")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ALERT_MAIL_TO": "ops@elm.example"}, "SMTP_URL"),
        ({"SMTP_URL": MAIL["SMTP_URL"]}, "ALERT_MAIL_FROM"),
        (MAIL | {"ALERT_MAIL_TO": "ops"}, "ALERT_MAIL_TO"),
        (MAIL | {"ALERT_MAIL_TO": "a@b.example\nBcc: x@y.example"}, "ALERT_MAIL_TO"),
        (MAIL | {"SMTP_URL": "mail.example:587"}, "SMTP_URL"),
        ({"ALERT_WEBHOOK_URL": HOOK["ALERT_WEBHOOK_URL"]}, "ALERT_WEBHOOK_SECRET"),
        ({"ALERT_WEBHOOK_SECRET": WHSEC}, "ALERT_WEBHOOK_URL"),
        (HOOK | {"ALERT_WEBHOOK_URL": "ftp://ops.example"}, "ALERT_WEBHOOK_URL"),
        (HOOK | {"ALERT_WEBHOOK_SECRET": WHSEC.removeprefix("whsec_")}, "ALERT_WEBHOOK_SECRET"),
        (HOOK | {"ALERT_WEBHOOK_SECRET": f"v1,{WHSEC}"}, "ALERT_WEBHOOK_SECRET"),
        (HOOK | {"ALERT_WEBHOOK_SECRET": "whsec_short"}, "ALERT_WEBHOOK_SECRET"),
        ({"DEADMAN_URL": "hc.example/abc"}, "DEADMAN_URL"),
    ],
)
def test_what_cannot_work_refuses_to_start_and_shows_no_secret(given, named):
    with pytest.raises(BadSetting, match=named) as refused:
        settings(**given)
    assert not any(secret in str(refused.value) for secret in (WHSEC, "p%40ss", "p@ss"))


def test_secrets_do_not_show_where_settings_are_printed():
    shown = repr(settings(**MAIL, **HOOK, DEADMAN_URL="https://hc.example/abc"))
    assert not any(secret in shown for secret in (WHSEC, "p%40ss", "hc.example"))
