"""Sending one mail, once a human has approved it."""

from typing import Annotated

from pydantic import Field

from quadrille.act.tooling import Arguments, Observation, Use, Workbench, tool

_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@({_LABEL}\.)+{_LABEL}$"
_UNSEEN = r"\u202a-\u202e\u2066-\u2069"  # turns writing round, so that a human would approve what they do not see
_LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029{_UNSEEN}]+$"  # a line's end would begin another header
_TEXT = rf"^[^\x00-\x08\x0b-\x1f\x7f-\x9f{_UNSEEN}]+$"


class Letter(Arguments):
    """A mail."""

    to: Annotated[str, Field(max_length=254, pattern=_ADDRESS, description="One address, without a name.")]
    subject: Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
    body: Annotated[str, Field(min_length=1, max_length=20_000, pattern=_TEXT, description="Plain text.")]


@tool(approval=True, effect=True, needs="email_sender")
def send_email(arguments: Letter, use: Use, bench: Workbench) -> Observation:
    """Send a mail of plain text to one address. A human reads and approves it first."""
    bench.mail().send(to=arguments.to, subject=arguments.subject, body=arguments.body)
    return Observation(f"The mail to {arguments.to} is on its way.")
