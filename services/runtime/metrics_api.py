"""`/metrics` over HTTP: what a service has to say, in the format that is asked for."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics


def router() -> APIRouter:
    """`/metrics`, open like `/health`: it says how much, never who."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def get_metrics(request: Request, accept: Annotated[str, Header(max_length=1000)] = "") -> Response:
        """Counts for Prometheus, in its text format or as OpenMetrics."""
        registry = request.app.state.metrics.registry
        if "application/openmetrics-text" in accept:
            said = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
            return Response(said, media_type=openmetrics.CONTENT_TYPE_LATEST)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes
