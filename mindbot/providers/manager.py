"""Providers by name: who is asked, who answers instead, what it costs, and how they are.

Choosing is `selection`, what may be asked now `deployments`, the loop that asks `asking`; what outlives a
configuration generation is `standing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial

import anyio

from mindbot.config.model import Config
from mindbot.domain.abilities import Check
from mindbot.domain.chat import ChatMessage, ChatRequest, Chunks, Usage
from mindbot.domain.errors import BudgetSpent, ConfigError, Conflict, MindBotError, NotFound, VendorError
from mindbot.domain.host import Secrets
from mindbot.domain.message import Json
from mindbot.domain.ports.answering import Embedder, Embedding, Provider
from mindbot.domain.ports.http import Http
from mindbot.domain.spending import BILLION, NOBODY, Payer
from mindbot.providers.management.asking import Asking, Sleep
from mindbot.providers.management.breaker import CircuitKey
from mindbot.providers.management.budgets import Budgets, Used, bill
from mindbot.providers.management.counting import counted
from mindbot.providers.management.deployments import Deployment, Deployments
from mindbot.providers.management.keys import COOLING, PoolKey
from mindbot.providers.management.pool_trial import pool_trial
from mindbot.providers.management.prices import Prices
from mindbot.providers.management.selection import Candidate, Selection
from mindbot.providers.management.shorter import Refusals
from mindbot.providers.management.standing import Standing
from mindbot.providers.management.status import ProviderStatus, status_of
from mindbot.providers.management.verdict import FOR_A_PERSON
from mindbot.providers.shared import tokens
from mindbot.providers.shared.known_models import known

_PING_SECONDS = 20.0


class ProviderManager:
    """Answers by the provider asked for or the one that the strategy chooses, and falls back.

    ``standing`` is shared by the generations of one process. ``sleep`` is replaced in tests. ``report`` is
    told (provider, "degraded", reason) when one fails after all its tries or a key needs a person, and "ok"
    when it answers again and none does.
    """

    def __init__(
        self,
        config: Config,
        http: Http,
        secrets: Secrets,
        standing: Standing | None = None,
        *,
        sleep: Sleep = anyio.sleep,
        report: Callable[[str, str, str], None] = lambda provider, state, reason: None,
    ) -> None:
        self._settings = config.providers
        self._longest = config.chat.timeout
        self._named = config.chat.provider
        self.standing = standing or Standing()
        self._deployments = Deployments(config, http, secrets, self.standing)
        self._choice = config.provider_selection
        self._selection = Selection(self._choice)
        self._prices = Prices(config.providers, config.prices, config.budgets)
        self._budgets = Budgets(config.budgets, self.standing.ledger)
        self._sleep = sleep
        self._report = report
        self._failing: set[str] = set()
        self._refusals = Refusals()

    def begin(self) -> None:
        """Be the one that is in force: what is known of the providers is held against this configuration."""
        self.standing.use(self._settings)

    def get(self, name: str) -> Provider:
        """Return a provider with its first key, built on first use.

        Raises:
            NotFound: none has that name, or it is disabled or off.
            ConfigError: nobody implements its kind, or its settings are unusable.
        """
        return self._deployments.client(name, self._deployments.pool(name).keys[0])

    def default(self) -> str:
        """Return the name of the first enabled provider that can be built; raises NotFound."""
        for name in self._settings:
            if self._deployments.usable(name):
                return name
        raise self._deployments.nobody()

    async def ping(self, name: str) -> float:
        """Ask a provider for a few tokens, once and without fallback; return the seconds it took.

        Raises:
            MindBotError: like `get`, and whatever the call fails with.
        """
        start = anyio.current_time()
        request = ChatRequest([ChatMessage("user", "ping")], max_tokens=16, deadline=start + _PING_SECONDS)
        client, key = self.get(name), self._deployments.pool(name).keys[0]
        with counted(self.standing, Deployment(name, key, "")) as took:
            async with aclosing(client.chat(request)) as chunks:
                async for chunk in chunks:
                    took.usage = chunk.usage or took.usage
        return anyio.current_time() - start

    async def trial(self, name: str, model: str = "") -> list[Check]:
        """Ask a provider really, step by step, with each of its keys; see `pool_trial`."""
        return await pool_trial(self._deployments, name, model, self._tell)

    def chat(
        self, request: ChatRequest, *, provider: str = "", notes: Json | None = None, payer: Payer = NOBODY
    ) -> Chunks:
        """Yield the answer. ``notes`` learns who gave it, with which key, what failed before, and the cost.

        A conversation that nobody takes as it is gets shorter: whoever refused its length or its roles is
        asked again with less of it, and ``notes["left_out"]`` tells what and why. When an answer breaks off
        after some of it was shown, the next provider's whole answer takes its place (`Chunk.afresh`).

        Raises:
            BudgetSpent: ``payer`` has nothing left to spend, or no provider has.
            MindBotError: the failure of the provider asked for, when no other could help.
        """
        notes = {} if notes is None else notes
        return Asking(
            self._deployments,
            self._refusals,
            request,
            partial(self._line, request, provider, payer, notes),
            notes,
            longest=self._longest,
            sleep=self._sleep,
            tell=self._tell,
            charge=partial(self._charge, payer),
        ).run()

    async def embed(
        self,
        texts: Sequence[str],
        *,
        provider: str,
        model: str = "",
        dimensions: int = 0,
        payer: Payer = NOBODY,
    ) -> Embedding:
        """Return a vector for each text, by whichever key of a provider is taken; see `Embedder`.

        Raises:
            NotFound, ConfigError: there is no such provider, or it has no embeddings.
            BudgetSpent: ``payer`` has nothing left to spend.
            VendorError: no key was taken, or the vendor failed.
        """
        await self._budgets.check(payer)
        pool = self._deployments.pool(provider)
        guess = sum(map(tokens.of_text, texts))
        by: list[PoolKey] = []

        async def call(key: PoolKey) -> Embedding:
            client = self._deployments.client(provider, key)
            if not isinstance(client, Embedder):
                raise ConfigError(f"providers.{provider}: its type has no embeddings")
            by.append(key)
            with counted(self.standing, Deployment(provider, key, model)) as took:
                made = await client.embed(texts, model=model, dimensions=dimensions)
                took.usage = made.usage or Usage(guess)
            return made

        def tell(failure: MindBotError) -> None:
            if isinstance(failure, FOR_A_PERSON):
                self._tell(provider, failure)

        settings = self._settings[provider]
        limits = self.standing.limits(provider, settings)
        entry = await limits.enter(settings.timeout, guess)
        usage = Usage()
        try:
            found = await pool.ask(call, tell)
            usage = found.usage or Usage(guess)
        finally:
            limits.leave()
            limits.settle(entry, usage.input_tokens)
            await self.standing.save()
        told = found.usage is not None
        await self._charge(payer, Deployment(provider, by[-1], model), usage, {}, told=told)
        return found

    # --- what others than its providers take

    async def check(self, payer: Payer) -> None:
        """Raise BudgetSpent where a payer has nothing left to spend; raises StoreError."""
        await self._budgets.check(payer)

    async def charge(self, payer: Payer, usage: Usage) -> int:
        """Count an answer of models that are not asked here, such as a workflow's own.

        Returns: its money in billionths, as its vendor says; 0 where that says nothing to us.

        Raises:
            StoreError: it is not counted.
        """
        money, ledger = self._prices.told(usage) or 0, self.standing.ledger
        await ledger.count(bill(payer, "", "", usage, money, ledger.today))
        return money

    async def aclose(self) -> None:
        """End what its clients keep running, such as local models; raises nothing."""
        await self._deployments.aclose()

    # --- who is asked

    async def _line(self, request: ChatRequest, provider: str, payer: Payer, notes: Json) -> list[Deployment]:
        """Return who is asked, in order; raises NotFound, BudgetSpent, StoreError."""
        soft = await self._budgets.check(payer)
        usable = [name for name in self._settings if self._deployments.usable(name)]
        if not usable and not provider:
            raise self._deployments.nobody()
        spent = await self._budgets.spent_of(usable)
        able = [name for name in usable if name not in spent]
        names = able
        if len(able) != 1 or provider not in ("", able[0]):
            names = self._selection.line(self._candidates(able, request.model, provider), provider)
        if provider in spent:
            names.remove(provider)
        if not names:
            why = " and ".join(map(str, spent.values()))
            raise BudgetSpent(why, hint="raise it under budgets.limits, or enable another provider")
        notes["choice"] = "named" if provider else self._selection.strategy
        line = [(name, self._model(request, name, first=not n)) for n, name in enumerate(names)]
        if soft is not None and (cheaper := self._cheaper(soft, line[0], able)) is not None:
            notes["choice"], notes["budget"] = "budget", str(soft)
            line = [cheaper, *(each for each in line if each != cheaper)]
        return [one for name, model in line for one in self._deployments.of(name, model)]

    def _candidates(self, names: list[str], model: str, asked_for: str) -> list[Candidate]:
        """Return what is known of providers; the strategy takes none without the model asked for."""
        if self._selection.strategy == "first" and (asked_for or not model):
            return [Candidate(name, self._settings[name].weight) for name in names]
        having = [] if asked_for else [name for name in names if self._has(name, model)]
        return [self._candidate(name, chosen=not having or name in having) for name in names]

    def _candidate(self, name: str, *, chosen: bool) -> Candidate:
        tally = self.standing.tally(name)
        return Candidate(
            name,
            self._settings[name].weight if chosen else 0,
            len(tally.late),
            tally.share or 0.0,
            tally.latency or 0.0,
            tally.in_flight,
            self._prices.of_a_million(name, self._first_model(name)),
        )

    def _model(self, request: ChatRequest, name: str, *, first: bool) -> str:
        """Return the model a provider is asked for: a fallback its own, unless it has the one asked for."""
        if request.model and (first or self._has(name, request.model)):
            return request.model
        return self._first_model(name)

    def _has(self, name: str, model: str) -> bool:
        return any(each.name == model for each in self._settings[name].models)

    def _first_model(self, name: str) -> str:
        settings = self._settings.get(name)
        return settings.models[0].name if settings is not None and settings.models else ""

    def _cheaper(self, soft: Used, chosen: tuple[str, str], able: list[str]) -> tuple[str, str] | None:
        """Return the provider and model that a budget wants instead; None where there is none."""
        wanted = soft.budget.cheaper
        offers = [(name, model.name) for name in able for model in self._settings[name].models]
        if wanted:
            return next((o for o in offers if wanted in (o[1], f"{o[0]}/{o[1]}")), None)
        priced = [
            (price, offer)
            for offer in offers
            if (price := self._prices.of_a_million(*offer)) is not None and known(offer[1]).streaming
        ]
        now = self._prices.of_a_million(*chosen)
        least = min(priced, default=None)
        return least[1] if least is not None and (now is None or least[0] < now) else None

    # --- what comes of it

    async def _charge(
        self, payer: Payer, deployment: Deployment, usage: Usage, notes: Json, *, told: bool
    ) -> None:
        """Count what an answer took; raises StoreError."""
        money = self._prices.of_usage(deployment.provider, deployment.model, usage)
        if usage.cost is not None and self._prices.told(usage) is None:
            notes["cost_not_counted"] = f"{usage.cost:g} {usage.currency}".strip()
        if money is not None:  # with what was paid for answers that broke off before
            before: Json = notes.get("cost", {})
            money_so_far = money + round(before.get("money", 0.0) * BILLION)
            cost: Json = {"money": money_so_far / BILLION, "currency": self._prices.currency}
            estimated = not told or "estimated" in before
            notes["cost"] = {**cost, "estimated": True} if estimated else cost
        ledger = self.standing.ledger
        model = deployment.model or "default"
        await ledger.count(bill(payer, deployment.provider, model, usage, money or 0, ledger.today))

    def _tell(self, name: str, failure: MindBotError | None) -> None:
        """Report how a provider is, after a call that failed for good, or was answered."""
        if failure is not None:
            left_alone = isinstance(failure, VendorError) and failure.code == COOLING
            if left_alone and name in self._failing:
                return  # it was told why
            self._failing.add(name)
            self._report(name, "degraded", str(failure))
        elif name in self._failing and not self._lame(name):
            self._failing.discard(name)
            self._report(name, "ok", "")

    def _lame(self, name: str) -> bool:
        """Tell whether a person has to look after one of a provider's keys."""
        look = self.standing.breakers.look
        circuits = [look(CircuitKey(name, key.label)) for key in self._deployments.pool(name).keys]
        return any(circuit is not None and circuit.reason in ("auth", "quota") for circuit in circuits)

    # --- for operators

    def trouble(self) -> MindBotError | None:
        """Return why no message can be answered, whoever is well; None where one can be."""
        usable = [name for name in self._settings if self._deployments.usable(name)]
        if not usable:
            return self._deployments.nobody()
        named = self._named
        if not named or named in usable:
            return None
        line = Selection(self._choice).line([Candidate(name) for name in usable], named)  # nobody's turn
        return None if set(line) & set(usable) else self._deployments.unusable(named)

    async def status(self) -> list[ProviderStatus]:
        """Return how each configured provider is; raises StoreError."""
        return [
            await status_of(name, self._deployments, self._budgets, self._prices) for name in self._settings
        ]

    async def switch(self, name: str, *, on: bool) -> ProviderStatus:
        """Switch a provider off, or on again, until somebody does the contrary, also over restarts.

        Switching on also lets all its keys be tried again. Returns how it is now.

        Raises:
            NotFound: none has that name.
            Conflict: the configuration disables it.
            StoreError: it is not on disk, and not done.
        """
        if (settings := self._settings.get(name)) is None:
            raise NotFound(f"no provider named {name!r}", hint=f"there are: {', '.join(self._settings)}")
        if on and not settings.enabled:
            hint = f"set providers.{name}.enabled: true and reload"
            raise Conflict(f"the configuration disables the provider {name!r}", hint=hint)
        await self.standing.switch(name, on=on)
        return await status_of(name, self._deployments, self._budgets, self._prices)
