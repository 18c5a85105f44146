"""The handler most people write first: call the openai client with its defaults, publish what came back.
The client's defaults are two silent retries; nothing is remembered between deliveries."""

from openai import OpenAI

from benchmarks.faults import effects
from benchmarks.faults.stage import DIMENSIONS, MODEL, Context, Stage


class NaiveHandler:
    def __init__(self, stage: Stage) -> None:
        self._dynamodb = stage.dynamodb
        self._openai = OpenAI(api_key="any", base_url=stage.provider)

    def handle(self, unit: str, text: str, context: Context) -> None:
        self.embed_and_publish(unit, text)

    def embed_and_publish(self, unit: str, text: str) -> None:
        answer = self._openai.embeddings.create(model=MODEL, input=text, dimensions=DIMENSIONS)
        effects.publish(self._dynamodb, unit, answer.data[0].embedding)


def make(stage: Stage) -> NaiveHandler:
    return NaiveHandler(stage)
