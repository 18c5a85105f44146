"""Mails opened, told apart from what they quote, and recognised for what nobody should answer."""

import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from local.stack.places import ROOT
from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading import Limits, OpenedMail, opening
from quadrille.ingest.reading.contained import Reader
from quadrille.ingest.reading.quotes import split
from quadrille.react.refusals import flagged, machine_made
from tests.integration.mailbox import mail

LIMITS = Limits(pages=100, characters=100_000)
CORPORA = ROOT.parent / "shared/corpora"


def opened(message: EmailMessage | bytes) -> OpenedMail:
    return opening.read(message if isinstance(message, bytes) else bytes(message), LIMITS)


@pytest.mark.parametrize(
    ("head", "quoted"),
    [
        ("On Mon, 3 Nov 2026 at 10:12, Desk <d@acme.test> wrote:", "> Hello"),
        ("Am 03.11.2026 um 10:12 schrieb Desk <d@acme.test>:", "> Hallo"),
        ("Le lun. 3 nov. 2026 à 10:12, Desk <d@acme.test> a écrit :", "> Bonjour"),
        ("El lun, 3 nov 2026 a las 10:12, Desk (<d@acme.test>) escribió:", "> Hola"),
        ("From: Desk <d@acme.test>\nSent: Monday\nTo: Ann\nSubject: RE: Lamp", "Hello"),
        ("Von: Desk <d@acme.test>\nGesendet: Montag\nAn: Ann\nBetreff: AW: Lampe", "Hallo"),
        ("-----Original Message-----\nFrom: d@acme.test\nSent: Monday\nTo: Ann\nSubject: Lamp", "Hello"),
    ],
)
def test_what_a_mail_quotes_is_not_what_it_says(head: str, quoted: str) -> None:
    written = split(f"It is broken.\n\n{head}\n\n{quoted}\n")
    assert written.text == "It is broken."
    assert quoted in written.quoted


@pytest.mark.parametrize("signed", ["-- \nAnn\nLamps Ltd", "Kind regards,\nAnn", "Sent from my iPhone"])
def test_a_signature_is_no_part_of_the_text(signed: str) -> None:
    written = split(f"It is broken:\n- the lamp\n- the cord\n\n{signed}\n")
    assert written.text == "It is broken:\n- the lamp\n- the cord"
    assert written.signature.replace("-- ", "--") == signed.replace("-- ", "--")


def test_who_answers_below_or_between_quoted_lines_is_heard() -> None:
    below = split("On Mon, 3 Nov 2026, Desk <d@acme.test> wrote:\n> Is it broken?\n\nYes, since Monday.")
    assert (below.text, "Is it broken?" in below.quoted) == ("Yes, since Monday.", True)
    assert split("> Is it broken?\nYes.\n> Since when?\nMonday.").text == "Yes.\nMonday."


def test_a_mail_that_only_forwards_is_all_text() -> None:
    text = "---------- Forwarded message ---------\nFrom: x@y.z\nDate: Mon\nSubject: s\nTo: a\n\nWhat does it cost?"
    assert split(text).text == text


def test_a_text_made_to_take_long_is_ended_in_time() -> None:
    reader, began = Reader("split"), time.monotonic()
    with pytest.raises(TooLarge, match="longer than 1 s"):
        reader.split("On a, b wrote " * 20_000, Limits(pages=1, characters=1, seconds=1))
    assert time.monotonic() - began < 10
    reader.close()


def test_a_mail_is_the_same_however_it_came_and_another_if_it_says_something_else() -> None:
    first = opened(mail())
    assert opened(mail(Received="by relay", Return_Path="<ann@example.com>")).digest == first.digest
    encoded = mail()
    encoded.replace_header("Content-Transfer-Encoding", "7bit")
    encoded.set_content(encoded.get_content(), cte="base64")
    assert opened(encoded).digest == first.digest
    for other in (mail("Something else."), mail(Message_ID="<2@example.com>"), mail(From="bob@example.com")):
        assert opened(other).digest != first.digest
    attached = mail()
    attached.add_attachment(b"x", maintype="text", subtype="plain", filename="a.txt")
    assert opened(attached).digest != first.digest


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ("Ann <Ann@Example.com>", ("Ann", "ann@example.com")),
        ('"Smith, Ann" <ann@example.com>', ("Smith, Ann", "ann@example.com")),
        ("=?utf-8?q?J=C3=B6rg?= <j@example.com>", ("Jörg", "j@example.com")),
        ("undisclosed-recipients:;", ("", "")),
        ("Ann", ("", "")),
        ("$$$.$$$.$$$", ("", "")),
    ],
)
def test_a_sender_is_an_address_one_can_write_to(given: str, sender: tuple[str, str]) -> None:
    found = opened(f"From: {given}\nSubject: x\n\nText".encode())
    assert (found.name, found.address) == sender


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Auto_Submitted": "auto-generated"}, "automatically"),
        ({"Precedence": "List"}, "bulk"),
        ({"X_Autoreply": "yes"}, "automatic reply"),
        ({"X_Auto_Response_Suppress": "DR, OOF, AutoReply"}, "asks for no"),
        ({"List_Unsubscribe": "<mailto:x@y.z>"}, "mailing list"),
        ({"Subject": "Automatic reply: The club"}, "subject"),
        ({"Subject": "Abwesenheitsnotiz: Der Verein"}, "subject"),
        ({"Return_Path": "<>"}, "bounce"),
        ({"From": "MAILER-DAEMON@mx.example"}, "bounce"),
        ({"From": "do-not-reply@example.com"}, "no replies"),
        ({"From": "bounces+42@example.com"}, "no replies"),
        ({"From": "desk@acme.test"}, "sends from"),
        ({"From": "nobody at all"}, "no sender"),
    ],
)
def test_what_a_machine_made_is_not_answered(headers: dict[str, str], word: str) -> None:
    assert word in machine_made(opened(mail(**headers)), own="Desk <Desk@acme.test>")


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Precedence": "normal"},
        {"From": "noreen@example.com"},
        {"From": "bouncer.joe@example.com"},
        {"Subject": "No automatic reply came"},
        {"Return_Path": "<ann@example.com>"},
    ],
)
def test_what_a_human_wrote_is_answered(headers: dict[str, str]) -> None:
    assert machine_made(opened(mail(**headers)), own="desk@acme.test") == ""


def test_an_invitation_and_a_report_of_delivery_are_not_answered() -> None:
    invitation = mail()
    invitation.add_alternative("BEGIN:VCALENDAR\nEND:VCALENDAR", subtype="calendar")
    assert "invitation" in machine_made(opened(invitation), own="")
    report = (
        b'From: mx@example.com\nSubject: failed\nContent-Type: multipart/report; boundary="x"\n\n--x\n\nText\n--x--'
    )
    assert "delivery" in machine_made(opened(report), own="")


def test_only_the_verdict_of_who_took_the_mail_in_counts() -> None:
    forged = bytes(mail()).replace(b"From:", b"X-SES-Spam-Verdict: PASS\nX-SES-Spam-Verdict: FAIL\nFrom:", 1)
    assert flagged(opened(forged)) == ""
    assert flagged(opened(mail(X_SES_Spam_Verdict="FAIL")))


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CORPORA / folder).rglob("*.eml"))


def test_every_mail_of_the_corpora_is_opened_or_refused() -> None:
    found = files("email-mime", "triage/spamassassin")
    if not found:
        pytest.skip("there are no corpora of mails")
    reader, splitter, refused = Reader("open"), Reader("split"), {}
    for path in found:
        try:
            opened_ = reader.open(path.read_bytes(), Limits(pages=5_000, characters=20_000_000))
            written = splitter.split(opened_.content.text[:40_000], Limits(pages=1, characters=1, seconds=5))
        except (Unreadable, TooLarge) as error:
            refused[path.name] = str(error)
            continue
        assert written.text or not opened_.content.text, path
    for each in (reader, splitter):
        each.close()
    assert {why for why in refused.values() if "no mail" not in why} == set()
    assert len(refused) < 5, refused
