"""What Prometheus collects."""

from typing import Any

from prometheus_client import Counter, Histogram, Summary

REQUESTS = Counter("service_requests", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "service_request_seconds",
    "From the end of a request's head to the end of its response",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)
REFUSALS = Counter("service_refusals", "Requests refused", ["reason"])
# By the status of the refusal; one that is not here is counted as "other".
REASONS = {
    400: "malformed",
    404: "nothing there",
    408: "slow or gone",
    413: "large body",
    414: "long head",
    415: "type",
    422: "content",
    431: "long head",
    503: "busy",
}
PREDICTIONS = Counter("service_predictions", "Pictures answered", ["model", "class", "sure"])
DECODING = Summary("service_decoding_seconds", "From a picture's bytes to a model's input")
ANSWERING = Summary("service_model_seconds", "In the model, for each picture or tensor")


def count_prediction(verdict: dict[str, Any]) -> None:
    """Count the answer about a picture."""
    sure = str(verdict["sure"]).lower()
    name = verdict["class"] if verdict["known"] else "unknown"
    PREDICTIONS.labels(verdict["model"], name, sure).inc()


def count_refusal(status: int) -> None:
    REFUSALS.labels(REASONS.get(status, "other")).inc()
