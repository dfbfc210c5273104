"""All commands by name."""

from __future__ import annotations

from mindbot_tui.commands.act import Advance, DropParked, Resume
from mindbot_tui.commands.answer_with import AnswerWith
from mindbot_tui.commands.ask import Ask
from mindbot_tui.commands.back import Back
from mindbot_tui.commands.base import Command
from mindbot_tui.commands.break_at import Break
from mindbot_tui.commands.call import Call
from mindbot_tui.commands.clear import ClearFilter
from mindbot_tui.commands.compare import Compare
from mindbot_tui.commands.compose import Compose
from mindbot_tui.commands.copy import CopyId
from mindbot_tui.commands.copy_command import CopyCommand
from mindbot_tui.commands.copy_text import CopyText
from mindbot_tui.commands.culprit import Culprit
from mindbot_tui.commands.diff import Diff
from mindbot_tui.commands.disable import Disable
from mindbot_tui.commands.disable_workflow import DisableWorkflow
from mindbot_tui.commands.discard import Discard
from mindbot_tui.commands.edit import EditParked
from mindbot_tui.commands.enable import Enable
from mindbot_tui.commands.enable_workflow import EnableWorkflow
from mindbot_tui.commands.explain import Explain
from mindbot_tui.commands.export import ExportTurn
from mindbot_tui.commands.faults import Faults
from mindbot_tui.commands.filter import SetFilter
from mindbot_tui.commands.find_key import FindKey
from mindbot_tui.commands.fold import Fold
from mindbot_tui.commands.follow import FollowEnd
from mindbot_tui.commands.forget import Forget
from mindbot_tui.commands.go import Go
from mindbot_tui.commands.health import ShowHealth
from mindbot_tui.commands.help import OpenHelp
from mindbot_tui.commands.history import GoThroughHistory
from mindbot_tui.commands.hit import GoToHit
from mindbot_tui.commands.intercept import Intercept
from mindbot_tui.commands.its_turn import ItsTurn
from mindbot_tui.commands.jump import JumpToTime
from mindbot_tui.commands.jury import AskJury, PickVerdict
from mindbot_tui.commands.keymap import ShowKeymap
from mindbot_tui.commands.lang import Lang
from mindbot_tui.commands.log_level import LogLevel
from mindbot_tui.commands.mark import Mark
from mindbot_tui.commands.maximise import Maximise
from mindbot_tui.commands.models import Models
from mindbot_tui.commands.next import Next
from mindbot_tui.commands.on_breakpoint import ClearBreakpoint, SwitchBreakpoint
from mindbot_tui.commands.on_queue import GiveUp, Hasten
from mindbot_tui.commands.open import Open
from mindbot_tui.commands.open_outside import OpenOutside
from mindbot_tui.commands.open_provider import OpenProvider
from mindbot_tui.commands.open_workflow import OpenWorkflow
from mindbot_tui.commands.own import RunOwn
from mindbot_tui.commands.palette import OpenPalette
from mindbot_tui.commands.pane import Pane
from mindbot_tui.commands.part import ShowPart
from mindbot_tui.commands.pause import Pause
from mindbot_tui.commands.phone import ShowPhone
from mindbot_tui.commands.previous import Previous
from mindbot_tui.commands.prompt import OpenPrompt
from mindbot_tui.commands.push import Push
from mindbot_tui.commands.quit import Quit
from mindbot_tui.commands.refresh import Refresh
from mindbot_tui.commands.reload import Reload
from mindbot_tui.commands.render import Render
from mindbot_tui.commands.replay import Replay
from mindbot_tui.commands.restart import Restart
from mindbot_tui.commands.restart_stage import RestartStage
from mindbot_tui.commands.retry import Retry
from mindbot_tui.commands.retry_bundle import RetryBundle
from mindbot_tui.commands.review import Review
from mindbot_tui.commands.rollback import Rollback
from mindbot_tui.commands.run_workflow import RunByHand
from mindbot_tui.commands.save_file import SaveFile
from mindbot_tui.commands.screenshot import Screenshot
from mindbot_tui.commands.search import SearchText
from mindbot_tui.commands.send import Send
from mindbot_tui.commands.sort import Sort
from mindbot_tui.commands.start import Start
from mindbot_tui.commands.stop import Stop
from mindbot_tui.commands.tab import ShowTab
from mindbot_tui.commands.take_back import TakeBack
from mindbot_tui.commands.take_over import GiveBack, SayInPlace, TakeOver
from mindbot_tui.commands.teach import Teach
from mindbot_tui.commands.test import Test
from mindbot_tui.commands.test_provider import TestProvider
from mindbot_tui.commands.test_workflow import TestWorkflow
from mindbot_tui.commands.theme import UseTheme
from mindbot_tui.commands.transfer import Transfer
from mindbot_tui.commands.turns_by import TurnsBy
from mindbot_tui.commands.turns_of import TurnsOf
from mindbot_tui.commands.turns_of_bundle import TurnsOfBundle
from mindbot_tui.commands.turns_of_workflow import TurnsOfWorkflow
from mindbot_tui.commands.undo import Undo
from mindbot_tui.commands.usage import Usage
from mindbot_tui.commands.why import Why
from mindbot_tui.commands.width import Width
from mindbot_tui.commands.write_text import WriteText

COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Go("flow", "live turns"),
        Go("platforms", "bots and their platforms"),
        Go("sessions", "conversations"),
        Go("dead", "what was given up on: retry, discard"),
        Go("config", "the configuration in use, and where each value is from"),
        Go("logs", "what the daemon and this console have to say"),
        Go("providers", "models' providers: how they are, what they cost"),
        Go("workflows", "workflows: how they are, what they did"),
        Go("routes", "where messages go and why, the rules, corrections"),
        Go("events", "what happened to this console and its daemon"),
        Go("bundles", "what fails, by its cause, and who waits for an answer"),
        Go("queue", "what waits or is under way, what it waits for"),
        Go("metrics", "rates, lag, memory, and how long things take"),
        Go("bus", "what happens in the daemon, who listens, who is too slow"),
        Go("diagram", "the way of messages as a drawing, with rates"),
        Go("database", "ask the database in SQL, for reading alone"),
        Ask(),
        Go("api", "every call of the API, what it takes; Enter tries one"),
        Call(),
        Hasten(),
        GiveUp(),
        Go("debugger", "turns that are parked: step, edit, answer, and what each would send"),
        Go("breakpoints", "where turns stop, which of them, and how often they did"),
        Break(),
        Intercept(),
        Advance("step", "let the selected parked turn go on to the next stage"),
        Advance("step-in", "let the selected parked turn go on to the next call of a model, tool or node"),
        Advance("step-out", "let the selected parked turn go on to where the stage ends that it is in"),
        Resume(),
        EditParked(),
        AnswerWith(),
        RestartStage(),
        DropParked(),
        AskJury(),
        PickVerdict(),
        Replay(),
        Diff(),
        ClearBreakpoint(),
        SwitchBreakpoint("break-on", "switch a breakpoint on", on=True),
        SwitchBreakpoint("break-off", "switch a breakpoint off; it is kept", on=False),
        RetryBundle(),
        TurnsOfBundle(),
        ShowHealth(),
        Culprit(),
        Go("help", "all keys and commands"),
        OpenHelp(),
        FindKey(),
        SetFilter(),
        ClearFilter(),
        Faults(),
        JumpToTime(),
        LogLevel(),
        ItsTurn(),
        Mark(),
        Sort(),
        Width(),
        TurnsOf(),
        TurnsBy(),
        Explain(),
        Send(),
        Compose(),
        Open(),
        Next(),
        Previous(),
        ShowPart(),
        Fold(),
        ShowPhone(),
        Pane(),
        Back(),
        GoThroughHistory(),
        FollowEnd(),
        Pause(),
        CopyId(),
        CopyCommand(),
        SearchText(),
        GoToHit(),
        CopyText(),
        WriteText(),
        OpenOutside(),
        Render(),
        ExportTurn(),
        SaveFile(),
        Test(),
        Restart(),
        Stop(),
        Start(),
        Push(),
        OpenProvider(),
        TestProvider(),
        Disable(),
        Enable(),
        Models(),
        Usage(),
        OpenWorkflow(),
        TestWorkflow(),
        RunByHand(),
        Compare(),
        DisableWorkflow(),
        EnableWorkflow(),
        TurnsOfWorkflow(),
        Why(),
        ShowTab(),
        Teach(),
        Review("accept", "let the selected correction count from now on"),
        Review("reject", "keep the selected correction from counting"),
        Review("revert", "let an accepted correction count no longer"),
        Transfer(),
        TakeOver(),
        SayInPlace(),
        GiveBack(),
        Forget(),
        Rollback(),
        TakeBack(),
        Retry(),
        Discard(),
        Reload(),
        Refresh(),
        Lang(),
        UseTheme(),
        Screenshot(),
        Undo(),
        Maximise(),
        ShowKeymap(),
        RunOwn(),
        OpenPrompt(),
        OpenPalette(),
        Quit(),
    )
}


def find(line: str) -> tuple[Command | None, str]:
    """Return the command a line begins with, by name or an unambiguous beginning, and its argument."""
    name, _, argument = line.strip().partition(" ")
    name = ALIASES.get(name, name)
    if name in COMMANDS:
        return COMMANDS[name], argument.strip()
    begun = [each for each in COMMANDS if name and each.startswith(name)]
    return (COMMANDS[begun[0]] if len(begun) == 1 else None), argument.strip()


#: Short forms that people type from habit.
ALIASES = {"q": "quit", "turns": "flow", "bots": "platforms", "dlq": "dead", "h": "help", "f": "filter"}
