"""The calls of workflows and routes; see `mindbot.api.calls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mindbot.api import workflow_models as models
from mindbot.api.models import PlatformCheck
from mindbot.api.one_call import ApiCall, many, one, segment

_SLACK = 10.0  # seconds a call outlives its timeout, so that the daemon can say itself that it took too long


def _workflow(name: str) -> str:
    return f"/v1/workflows/{segment(name, 'workflow')}"


def workflows() -> ApiCall[list[models.WorkflowView]]:
    return ApiCall("GET", "/v1/workflows", many(models.WorkflowView))


def workflow(name: str) -> ApiCall[models.WorkflowView]:
    return ApiCall("GET", _workflow(name), one(models.WorkflowView))


def workflow_stats(days: int = 7) -> ApiCall[list[models.WorkflowDayView]]:
    """What each did by day, the newest first."""
    return ApiCall("GET", "/v1/workflows/stats", many(models.WorkflowDayView), query={"days": str(days)})


def switch_workflow(name: str, *, on: bool) -> ApiCall[models.WorkflowView]:
    """Off until it is switched on again, also over restarts."""
    verb = "enable" if on else "disable"
    return ApiCall("POST", f"{_workflow(name)}/{verb}", one(models.WorkflowView))


def test_workflow(name: str) -> ApiCall[list[PlatformCheck]]:
    """Whether its apps can be asked, step by step, without a run."""
    return ApiCall("POST", f"{_workflow(name)}/test", many(PlatformCheck), timeout=120.0)


def run_workflow(name: str, run: models.RunWorkflow) -> ApiCall[models.WorkflowRunView]:
    """A real run by hand, which nobody else sees."""
    body = run.model_dump(mode="json")
    return ApiCall(
        "POST",
        f"{_workflow(name)}/run",
        one(models.WorkflowRunView),
        body=body,
        timeout=run.timeout + _SLACK,
    )


def compare_workflows(
    names: Sequence[str], text: str, timeout: float = 300.0
) -> ApiCall[list[models.WorkflowRunView]]:
    """Several real runs of one text."""
    asked = models.CompareWorkflows(names=list(names), text=text, timeout=timeout)
    return ApiCall(
        "POST",
        "/v1/workflows/compare",
        many(models.WorkflowRunView),
        body=asked.model_dump(mode="json"),
        timeout=timeout + _SLACK,
    )


def shadows(workflow: str = "", limit: int = 20) -> ApiCall[list[models.ShadowView]]:
    """What workflows would have answered in the shadow, the newest first; ``workflow``: only that one."""
    query = {"limit": str(limit)} | ({"workflow": workflow} if workflow else {})
    return ApiCall("GET", "/v1/workflows/shadows", many(models.ShadowView), query=query)


def classify(text: str) -> ApiCall[models.DecisionView]:
    """Which workflow a text means by itself, without rules."""
    body = models.ClassifyText(text=text).model_dump(mode="json")
    return ApiCall("POST", "/v1/workflows/classify", one(models.DecisionView), body=body, timeout=60.0)


def router() -> ApiCall[models.RouterView]:
    """How the router is, and its rules."""
    return ApiCall("GET", "/v1/routes", one(models.RouterView))


def explain_route(asked: models.AskRoute) -> ApiCall[models.DecisionView]:
    """Where a message would go, and why; nothing is sent."""
    body = asked.model_dump(mode="json")
    return ApiCall("POST", "/v1/routes/explain", one(models.DecisionView), body=body, timeout=60.0)


def learned(state: str = "", limit: int = 200) -> ApiCall[list[models.LearnedView]]:
    """Corrections, the newest first; ``state``: only those."""
    query = {"limit": str(limit)} | ({"state": state} if state else {})
    return ApiCall("GET", "/v1/routes/learned", many(models.LearnedView), query=query)


def teach(correction: models.TeachRoute) -> ApiCall[models.LearnedView]:
    """Say where a text belongs."""
    body = correction.model_dump(mode="json")
    return ApiCall("POST", "/v1/routes/learned", one(models.LearnedView), body=body)


def review(id: str, verdict: Literal["accept", "reject", "revert"]) -> ApiCall[models.LearnedView]:
    """Let a correction count, or not, or no longer."""
    path = f"/v1/routes/learned/{segment(id, 'correction')}/{verdict}"
    return ApiCall("POST", path, one(models.LearnedView), timeout=60.0)


def diff_routes(asked: models.DiffRoutes) -> ApiCall[list[models.MovedView]]:
    """Which stored messages another configuration would send elsewhere."""
    body = asked.model_dump(mode="json")
    return ApiCall("POST", "/v1/routes/diff", many(models.MovedView), body=body, timeout=600.0)


def _dataset(name: str) -> str:
    return f"/v1/datasets/{segment(name, 'dataset')}"


def datasets() -> ApiCall[list[models.DatasetView]]:
    return ApiCall("GET", "/v1/datasets", many(models.DatasetView), timeout=120.0)


def dataset_documents(name: str) -> ApiCall[list[models.DatasetDocumentView]]:
    return ApiCall("GET", f"{_dataset(name)}/documents", many(models.DatasetDocumentView), timeout=120.0)


def put_document(name: str, file: str, title: str) -> ApiCall[models.DatasetDocumentView]:
    """``file`` is the id of one in the media store; see `calls.upload`."""
    body = models.PutDocument(file=file, name=title).model_dump(mode="json")
    path = f"{_dataset(name)}/documents"
    return ApiCall("POST", path, one(models.DatasetDocumentView), body=body, timeout=120.0)


def query_dataset(name: str, text: str) -> ApiCall[list[models.DatasetPieceView]]:
    """What a question finds, the best first."""
    body = models.QueryDataset(text=text).model_dump(mode="json")
    return ApiCall("POST", f"{_dataset(name)}/query", many(models.DatasetPieceView), body=body, timeout=60.0)
