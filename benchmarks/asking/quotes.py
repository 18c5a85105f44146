"""Whether every quote that is shown stands in its document, character by character, where the citation says."""

import json
from collections import Counter
from typing import Any

from benchmarks.asking.library import Library
from benchmarks.stack import COLLECTION, Tenant
from local.stack import demo
from local.stack.deploy import local_session
from local.stack.places import ROOT


def measure(tenant: Tenant, library: Library, count: int) -> list[str]:
    """Ask over HTTP, compare each quote with the extracted text, and print; the quotes that are not there.

    The samples are among the documents: PDFs and Markdown, with their own questions.
    """
    tenant.ingest({path.name: path.read_bytes() for path in demo.SAMPLES})
    texts = {document["document_id"]: _text(tenant, document) for document in tenant.documents()}
    of_samples = json.loads((ROOT / "local/samples/questions.json").read_text())
    questions = [*(each["question"] for each in of_samples), *library.questions[::-1]][:count]
    seen: Counter[str] = Counter()
    wrong: list[str] = []
    for question in questions:
        answer = demo.call(tenant.stack, "POST", "/ask", {"question": question, "collection": COLLECTION})
        seen["supported" if answer["supported"] else "refused"] += 1
        for citation in answer["citations"]:
            seen["quotes"] += 1
            if texts[citation["document_id"]][citation["start"] : citation["end"]] != citation["quote"]:
                wrong.append(f"a quote that is not in {citation['filename']}: {citation['quote']!r}")
        seen["supported without a quote"] += answer["supported"] and not answer["citations"]
    print(f"\nQuotes: {len(questions)} answers out of {len(texts)} documents\n")
    print(f"  {seen['supported']} supported, {seen['refused']} refused")
    print(f"  {seen['quotes'] - len(wrong)} of {seen['quotes']} quotes are text[start:end] of their document")
    if seen["supported without a quote"]:
        wrong.append(f"{seen['supported without a quote']} answers are supported and quote nothing")
    if not seen["quotes"]:
        wrong.append("nothing was quoted")
    return wrong


def _text(tenant: Tenant, document: dict[str, Any]) -> str:
    """A document's extracted text, as the stage extract left it in the bucket."""
    key = f"work/{tenant.name}/{document['document_id']}/{document['version']}/text.json"
    s3 = local_session().client("s3", endpoint_url=tenant.stack["aws_endpoint_url"])
    return str(json.loads(s3.get_object(Bucket=tenant.stack["bucket"], Key=key)["Body"].read())["text"])
