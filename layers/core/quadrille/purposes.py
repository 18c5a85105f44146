"""What a paid call is for: the room its cost belongs to, and how often it may be sent if no reply comes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Purpose:
    """`sends` is the policy for calls without a reply: each may have been billed, so their number is bounded."""

    name: str
    room: str
    sends: int


QUESTION = Purpose("question", room="ask", sends=5)
RANKING = Purpose("ranking", room="ask", sends=3)
ANSWER = Purpose("answer", room="ask", sends=3)
REWRITE = Purpose("rewrite", room="ask", sends=3)
CONVERSATION = Purpose("conversation", room="ask", sends=3)
MEMORY = Purpose("memory", room="act", sends=5)
STEP = Purpose("step", room="act", sends=3)
COMPACTION = Purpose("compaction", room="act", sends=3)
PARTIAL = Purpose("partial", room="act", sends=3)
CLASSIFICATION = Purpose("classification", room="react", sends=3)
REPLY = Purpose("reply", room="react", sends=3)
OCR = Purpose("ocr", room="ingest", sends=3)
DOCUMENT = Purpose("document", room="ingest", sends=5)
SUMMARY = Purpose("summary", room="ingest", sends=3)
