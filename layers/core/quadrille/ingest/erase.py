"""The stage erase: what was made of a deleted document goes, be it vectors, text, paid results, answers or files."""

from collections.abc import Sequence

from aws_lambda_powertools import Logger

from quadrille.answers import Answers
from quadrille.blobs import Blobs
from quadrille.conversations import Conversations
from quadrille.documents import Documents, Place
from quadrille.errors import Invalid, RetryLater
from quadrille.ingest.attachments import listed, of_mail
from quadrille.ingest.work import version_of, work_prefix
from quadrille.made import Made, Result
from quadrille.messages import Deletion, Erasure, ObjectDeleted
from quadrille.queues import Queue
from quadrille.vectors import Vectors, questions

logger = Logger()

_ANSWERS = "ask"  # the room whose results are answers


def erase(
    message: Erasure,
    *,
    documents: Documents,
    blobs: Blobs,
    vectors: Vectors,
    made: Made,
    answers: Answers,
    conversations: Conversations,
    again: Queue,
    late_seconds: int,
) -> None:
    """Erase everything of a document that is older than its deletion, and make sure that it is gone.

    A stage that had begun before the deletion may still leave something, so it is done once more when all of them have
    ended. A file put again after the deletion is a later version and is not touched. An attachment that is removed
    comes back as an event of its own. Raises only what a retry may cure.
    """
    root = message.root
    version = root if isinstance(root, Deletion) else _deleted(root, documents)
    if version is None:
        logger.info("deletion_superseded")
        return
    objects, records, results = _objects(version, blobs), _records(version, vectors), made.before(version)
    cached, leads = answers.dead(version.tenant, version.collection), conversations.made_of(version)
    known = {*version.attachments, *listed(objects, blobs)}
    attachments = of_mail(version.document_id, known, blobs)
    counts = {
        "vectors": len(records),
        "objects": len(objects),
        "attachments": len(attachments),
        **_counted(results),
        "cached": len(cached),
        "conversations": len(leads),
    }
    if version.late:
        documents.erased_late(version, counts)
    elif known or not documents.is_erasing(version):
        again.send(version.model_copy(update={"late": True, "attachments": tuple(known)}), delay=late_seconds)
        documents.erasing(version, counts)
    blobs.delete([*attachments, *objects])
    vectors.delete_ids(version.tenant, records)
    conversations.erase(version.tenant, leads)
    answers.erase(cached)
    vectors.delete(questions(version.tenant), where={"collection": {"$eq": version.collection}})
    made.erase(version.tenant, results)
    if (
        _objects(version, blobs)
        or _records(version, vectors)
        or made.before(version)
        or answers.dead(version.tenant, version.collection)
        or conversations.made_of(version)
    ):
        raise RetryLater("Not everything of the document is gone yet.", seconds=5)
    documents.erased(version)
    logger.info("document_erased", document_id=version.document_id, late=version.late, counts=counts)


def _deleted(event: ObjectDeleted, documents: Documents) -> Deletion | None:
    """The deletion that an object's removal from the bucket makes."""
    try:
        place = Place.of(event.detail.object.key)
    except Invalid:
        return None
    return documents.delete(place.tenant, place.document_id, sequencer=event.detail.object.sequencer)


def _counted(results: Sequence[Result]) -> dict[str, int]:
    """How many calls the results are of: those for answers, and the others."""
    answers = {result.key for result in results if result.room == _ANSWERS}
    return {"results": len({result.key for result in results} - answers), "answers": len(answers)}


def _objects(version: Deletion, blobs: Blobs) -> list[str]:
    return [key for key in blobs.list(work_prefix(version)) if version_of(key) < version.version]


def _records(version: Deletion, vectors: Vectors) -> list[str]:
    ids = vectors.ids(version.tenant, prefix=f"{version.document_id}#")
    return [id_ for id_ in ids if int(id_.split("#")[1]) < version.version]
