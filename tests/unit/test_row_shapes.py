"""What the daemon says and what its clients read have one shape: the types of rows and the models agree."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from mindbot.api import (
    debug_models,
    failure_models,
    instrument_models,
    models,
    provider_models,
    queue_models,
    rollback_models,
    take_over_models,
    trace_models,
    workflow_models,
)
from mindbot.domain.shapes import (
    daemon,
    debug,
    failures,
    instruments,
    providers,
    queue,
    rollbacks,
    take_overs,
    traces,
    turns,
    workflows,
)

#: Each model, and the rows that it reads.
ROWS: dict[type[models.Answer], tuple[Any, ...]] = {
    models.Problem: (daemon.ProblemJson,),
    models.StreamLine: (turns.AcceptedJson, turns.ChunkJson, turns.DoneJson, daemon.FailedJson),
    models.Ping: (daemon.PingJson,),
    models.Version: (daemon.VersionJson,),
    models.TurnCounts: (daemon.TurnCountsJson,),
    models.Totals: (daemon.TotalsJson,),
    models.OutboxCounts: (daemon.OutboxCountsJson,),
    models.ConfigView: (daemon.InForceJson,),
    models.Status: (daemon.StatusJson, daemon.KnownJson),
    models.Component: (daemon.ComponentJson,),
    models.Failing: (daemon.FailingJson,),
    models.WaitingAnswers: (daemon.WaitingJson,),
    models.SlowTurns: (daemon.SlowJson,),
    models.HealthSummary: (daemon.HealthSummaryJson,),
    models.Health: (daemon.HealthJson,),
    failure_models.BundleView: (failures.BundleJson,),
    failure_models.SufferingView: (failures.SufferingJson,),
    failure_models.OpenBundleView: (failures.OpenBundleJson,),
    failure_models.FailuresView: (failures.FailuresJson,),
    failure_models.RerunView: (failures.RerunJson,),
    failure_models.RerunsView: (failures.RerunsJson,),
    failure_models.RetriedBundle: (failures.RetriedBundleJson,),
    queue_models.QueuedView: (queue.QueuedJson,),
    queue_models.QueueView: (queue.QueueJson,),
    debug_models.BreakpointView: (debug.BreakpointJson,),
    debug_models.ClearedBreakpoints: (debug.ClearedBreakpointsJson,),
    debug_models.FrameView: (debug.FrameJson,),
    debug_models.ParkedView: (debug.ParkedJson,),
    debug_models.FreedTurns: (debug.FreedJson,),
    debug_models.ScopesView: (debug.ScopesJson,),
    instrument_models.TimesView: (instruments.TimesJson,),
    instrument_models.MetricTimesView: (instruments.MetricTimesJson,),
    instrument_models.BusRow: (instruments.BusRowJson,),
    instrument_models.BusView: (instruments.BusJson,),
    instrument_models.SqlAnswer: (instruments.SqlAnswerJson,),
    models.BotMinutes: (daemon.MinutesJson,),
    models.BotTraffic: (daemon.TrafficJson,),
    models.PlatformView: (daemon.BotJson,),
    models.PlatformCheck: (daemon.CheckJson,),
    models.MediaFile: (daemon.FileJson,),
    provider_models.ProviderKey: (providers.ProviderKeyJson,),
    provider_models.ProviderCircuit: (providers.CircuitJson,),
    provider_models.ProviderError: (providers.ProviderErrorJson,),
    provider_models.ProviderView: (providers.ProviderJson,),
    provider_models.ModelView: (providers.ModelJson,),
    provider_models.SpentView: (providers.SpentJson,),
    workflow_models.NearestView: (workflows.NearestJson,),
    workflow_models.CandidateView: (workflows.CandidateJson,),
    workflow_models.DecisionView: (workflows.DecisionJson,),
    workflow_models.ReplicaView: (workflows.ReplicaJson,),
    workflow_models.RunErrorView: (workflows.RunErrorJson,),
    workflow_models.WorkflowView: (workflows.WorkflowJson,),
    workflow_models.WorkflowDayView: (workflows.WorkflowDayJson,),
    workflow_models.RunNodeView: (workflows.RunNodeJson,),
    workflow_models.WorkflowRunView: (workflows.WorkflowRunJson,),
    workflow_models.ShadowView: (workflows.ShadowJson,),
    workflow_models.RuleView: (workflows.RuleJson,),
    workflow_models.RouterView: (workflows.RouterJson,),
    workflow_models.LearnedView: (workflows.LearnedJson,),
    workflow_models.MovedView: (workflows.MovedJson,),
    workflow_models.DatasetView: (workflows.DatasetJson,),
    workflow_models.DatasetDocumentView: (workflows.DatasetDocumentJson,),
    workflow_models.DatasetPieceView: (workflows.DatasetPieceJson,),
    models.ConfigValues: (daemon.ConfigValuesJson,),
    models.Change: (daemon.ChangeJson,),
    models.Checked: (daemon.CheckedJson,),
    models.Reloaded: (daemon.ReloadedJson,),
    models.LogLine: (daemon.LogLineJson,),
    models.SpanView: (turns.SpanJson,),
    models.TurnSummary: (turns.TurnLineJson,),
    models.BehindView: (turns.BehindJson,),
    models.TurnPage: (turns.TurnPageJson,),
    models.TurnView: (turns.TurnJson,),
    models.DeadLetter: (turns.ListedDeliveryJson, turns.ListedTurnJson),
    models.SettledLetter: (turns.SettledJson,),
    models.SettledLetters: (turns.SettledLettersJson,),
    models.SessionView: (turns.SessionJson,),
    models.Transferred: (turns.TransferredJson,),
    models.Cleared: (turns.ClearedJson,),
    models.TakenBack: (turns.TakenBackJson,),
    take_over_models.TakenSessionView: (take_overs.TakenJson,),
    take_over_models.TakingOver: (take_overs.TakingJson,),
    take_over_models.OperatorsWords: (take_overs.SaidJson,),
    take_over_models.HandedBack: (take_overs.HandedBackJson,),
    trace_models.PromptPart: (traces.PromptPartJson,),
    trace_models.TurnRequest: (traces.RequestJson,),
    trace_models.TurnRequests: (traces.TurnRequestsJson,),
    trace_models.LineDiff: (traces.LineDiffJson,),
    trace_models.TextDiff: (traces.TextDiffJson,),
    trace_models.FactDiff: (traces.FactDiffJson,),
    trace_models.PartDiff: (traces.PartDiffJson,),
    trace_models.CacheBreak: (traces.CacheBreakJson,),
    trace_models.PromptDiff: (traces.PromptDiffJson,),
    trace_models.StepDiff: (traces.StepDiffJson,),
    trace_models.TurnDiff: (traces.TurnDiffJson,),
    rollback_models.ExchangeView: (rollbacks.ExchangeJson,),
    rollback_models.AppConversationView: (rollbacks.AppConversationJson,),
    rollback_models.RolledBackView: (rollbacks.RolledBackJson,),
}
#: What filters and templates name of a turn, and lists carry along: the reference of filters tells of it.
RECORD = set(get_type_hints(turns.TurnRecord))
#: Rows that say more than their model names: a client keeps it and does not look at it.
MORE = {
    models.TurnSummary: RECORD,
    models.TurnView: RECORD,
    models.DeadLetter: RECORD | set(get_type_hints(turns.DeliveryJson)),
    models.Transferred: {"said"},
}


def fits(model: Any, row: Any) -> bool:
    """Whether a model's field takes what a row has there."""
    if model == row or model is Any or (model is float and row is int):
        return True
    if get_origin(row) in (Union, UnionType):
        return all(fits(model, each) for each in get_args(row))
    if get_origin(row) is Literal:
        return all(fits(model, type(each)) for each in get_args(row))
    if get_origin(model) in (Union, UnionType):
        return any(fits(each, row) for each in get_args(model))
    if is_typeddict(row):
        return get_origin(model) is dict or row in ROWS.get(model, ())
    if get_origin(model) is get_origin(row) and get_origin(row) in (list, dict):
        return all(map(fits, get_args(model), get_args(row)))
    return False


@pytest.mark.parametrize("model", ROWS, ids=lambda model: model.__name__)
def test_a_model_reads_what_its_rows_say(model: type[models.Answer]) -> None:
    hints = get_type_hints(model)
    said: dict[str, Any] = {}
    for row in ROWS[model]:
        said |= get_type_hints(row)
        for name, kind in get_type_hints(row).items():
            if name in model.model_fields:
                assert fits(hints[name], kind), f"{name}: {hints[name]} cannot be {kind}"
    assert not model.model_fields.keys() - said.keys(), "the daemon says nothing of these"
    more = said.keys() - model.model_fields.keys() - MORE.get(model, set())
    assert not more, "the reference does not tell of these"


def test_every_answer_is_read_from_a_row() -> None:
    """A new model says which row it is of."""
    answers = {
        each
        for module in (
            debug_models,
            failure_models,
            models,
            provider_models,
            rollback_models,
            take_over_models,
            workflow_models,
        )
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, models.Answer)
    }
    assert answers - ROWS.keys() == {models.Answer}


def test_types_that_differ_do_not_fit() -> None:
    assert not fits(int, str)
    assert not fits(list[int], list[str])
    assert not fits(float, float | NoneType)
    assert not fits(models.Component, daemon.BotJson)
