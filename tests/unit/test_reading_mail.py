import time
from email.message import EmailMessage

import pytest

from quadrille.errors import Unreadable
from quadrille.ingest.reading import Extracted, Limits
from quadrille.ingest.reading.formats import read

LIMITS = Limits(pages=100, characters=100_000)


def mail(plain: str = "", html: str = "", **headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "Ann <a@example.com>", "To": "b@example.com", "Subject": "Hello", **headers}.items():
        message[name] = value
    if plain:
        message.set_content(plain)
    if html:
        (message.add_alternative if plain else message.set_content)(html, subtype="html")
    return message


def extracted(message: EmailMessage, limits: Limits = LIMITS) -> Extracted:
    return read(bytes(message), "x.pdf", limits)


def test_a_mail_is_its_headers_and_its_plain_body() -> None:
    found = extracted(mail("The plain text.", "<p>The <b>rich</b> text.</p>"))
    assert found.text == "Subject: Hello\nFrom: Ann <a@example.com>\nTo: b@example.com\n\nThe plain text."
    assert not found.markdown


def test_a_mail_of_html_alone_is_markdown() -> None:
    found = extracted(mail(html="<h2>News</h2><ul><li>one<li>two</ul>"))
    assert found.text.endswith("## News\n\n- one\n- two")
    assert found.markdown


@pytest.mark.parametrize(
    ("charset", "text"),
    [("iso-2022-jp", "すみません"), ("windows-1255", "שלום"), ("koi8-r", "Привет"), ("gb2312", "中文")],
)
def test_a_body_is_read_in_the_charset_it_declares(charset: str, text: str) -> None:
    head = f"From: a\nTo: b\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nContent-Type: text/plain; charset={charset}\n\n"
    assert read(head.encode() + text.encode(charset), "x", LIMITS).text.endswith(f"Grüße\nFrom: a\nTo: b\n\n{text}")


def test_attachments_come_beside_under_safe_names_of_their_own() -> None:
    message = mail("See there.")
    for name in ("../../etc/passwd", "a.txt", "a.txt", "${key}.txt"):
        message.add_attachment(b"data", maintype="application", subtype="octet-stream", filename=name)
    assert [file.name for file in extracted(message).attachments] == [
        "_.._etc_passwd",
        "a.txt",
        "a (2).txt",
        "_{key}.txt",
    ]


def test_a_mail_in_a_mail_is_an_attachment() -> None:
    message = mail("Outer.")
    message.add_attachment(mail("Inner.", Subject="The inner one"))
    [inner] = extracted(message).attachments
    assert inner.name == "The inner one.eml"
    assert read(inner.data, inner.name, LIMITS).text.endswith("Inner.")


def test_a_picture_within_the_text_is_no_attachment() -> None:
    message = mail("", "<img src='cid:x'>Text")
    message.add_related(b"GIF8", "image", "gif", cid="<x>")
    assert extracted(message).attachments == ()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(pages=1, characters=1000, attachments=1), "over 1 attachments"),
        (Limits(pages=1, characters=1000, attached=7), "over 7 bytes"),
    ],
    ids=["number", "bytes"],
)
def test_attachments_over_a_limit_are_missing_with_its_name(limits: Limits, reason: str) -> None:
    message = mail("See there.")
    for number in (1, 2):
        message.add_attachment(b"data", maintype="text", subtype="plain", filename=f"{number}.txt")
    found = extracted(message, limits)
    assert [file.name for file in found.attachments] == ["1.txt"]
    [gap] = found.missing
    assert gap.attachment in ("2.txt", "the last 1")
    assert reason in gap.reason


def test_an_encrypted_mail_is_refused() -> None:
    head = b'From: a\nTo: b\nContent-Type: multipart/encrypted; boundary="x"\n\n--x\n\ny\n--x--'
    with pytest.raises(Unreadable, match="mail is encrypted"):
        read(head, "x.eml", LIMITS)


def test_a_text_that_begins_like_a_letter_is_no_mail() -> None:
    assert read(b"To: whom it may concern\nSubject: my cat\n\nShe is fine.", "letter.txt", LIMITS).text[:3] == "To:"


def test_a_header_made_to_take_long_takes_no_longer_than_others() -> None:
    head = b"From: a\nDate: b\nSubject: " + b"=?utf-8?q?a?= " * 100_000 + b"\n\nBody"
    started = time.process_time()
    assert read(head, "x.eml", LIMITS).text.endswith("Body")
    assert time.process_time() - started < 3
