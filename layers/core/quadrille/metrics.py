"""Metrics of what is paid, in CloudWatch's embedded metric format: a line of the log, and no call."""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from quadrille.receipts import Receipt

_NAMESPACE = "Quadrille"


def count(room: str, model: str, receipt: Receipt) -> None:
    """One call's money, tokens and outcome, by room and model. A receipt of nothing is not counted."""
    amounts = {
        "CostUsd": float(receipt.cost_usd),
        "SavedUsd": float(receipt.saved_usd),
        "Calls": receipt.calls,
        "Retries": receipt.retries,
        "AmbiguousCalls": receipt.ambiguous,
        "InputTokens": receipt.input_tokens + receipt.embedding_tokens,
        "OutputTokens": receipt.output_tokens,
    }
    if any(amounts.values()):
        _emit(amounts, room=room, model=model)


def count_refusal(scope: str) -> None:
    """A call that a budget refused."""
    _emit({"BudgetRefusals": 1}, scope=scope)


def count_lost(room: str, model: str) -> None:
    """A paid result that is gone from the bucket, and is paid for again."""
    _emit({"LostResults": 1}, room=room, model=model)


def count_parked(consumer: str, type_: str) -> None:
    """An event that a consumer could not take."""
    _emit({"EventsParked": 1}, consumer=consumer, type=type_)


def _emit(amounts: dict[str, float], **dimensions: str) -> None:
    metrics = EphemeralMetrics(namespace=_NAMESPACE)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, amount in amounts.items():
        if amount:
            money = name.endswith("Usd")
            metrics.add_metric(name, MetricUnit.NoUnit if money else MetricUnit.Count, amount)
    metrics.flush_metrics()
