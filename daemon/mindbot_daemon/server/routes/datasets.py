"""Knowledge bases of Dify's."""

from __future__ import annotations

from fastapi import APIRouter

from mindbot.api import workflow_models
from mindbot.domain.shapes.workflows import DatasetDocumentJson, DatasetJson, DatasetPieceJson
from mindbot_daemon.server.deps import OPERATOR, VIEWER, DatasetsDep

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("", response_model=list[workflow_models.DatasetView], dependencies=VIEWER)
async def list_datasets(datasets: DatasetsDep) -> list[DatasetJson]:
    """Every configured knowledge base and how many documents it has, or why it cannot be asked."""
    return await datasets.datasets()


@router.get(
    "/{name}/documents", response_model=list[workflow_models.DatasetDocumentView], dependencies=VIEWER
)
async def dataset_documents(name: str, datasets: DatasetsDep) -> list[DatasetDocumentJson]:
    """Its documents and how far each is indexed."""
    return await datasets.documents(name)


@router.post(
    "/{name}/documents",
    response_model=workflow_models.DatasetDocumentView,
    status_code=201,
    dependencies=OPERATOR,
)
async def put_document(
    name: str, asked: workflow_models.PutDocument, datasets: DatasetsDep
) -> DatasetDocumentJson:
    """Put a file of the media store into it; it can be found once it is indexed."""
    return await datasets.put(name, asked.file, asked.name)


@router.post("/{name}/query", response_model=list[workflow_models.DatasetPieceView], dependencies=OPERATOR)
async def query_dataset(
    name: str, asked: workflow_models.QueryDataset, datasets: DatasetsDep
) -> list[DatasetPieceJson]:
    """What a question finds in it, the best first. This costs what its embedder costs."""
    return await datasets.query(name, asked.text)
