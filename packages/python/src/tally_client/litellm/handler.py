"""The hooks that LiteLLM's proxy calls, in the order of a request: hold, run, then report or release."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from datetime import datetime, timezone
from typing import Any

from litellm.integrations.custom_logger import CustomLogger

from ..async_client import AsyncTally
from ..errors import CallerError, Denied, OutboxError, Refused, TallyError, Unavailable, unavailable
from ..log import log, reason_of
from ..usage_event import UsageSource, usage_event
from .answers import TallyAnswer, answer_of, quiet_litellm, refusal
from .cut_stream import estimated_usage
from .in_flight import Request, RequestsInFlight
from .order import MODELS_MAX, OPERATIONS, Order, UnsupportedError, order_of, resolved_model
from .payload import ask_for_usage, attempt_of, metadata_of, text_of, usage_of
from .settings import Settings
from .subject import NoSubjectError

METADATA_KEY = "tally_request"
FILL_RATIO_MAX = 0.9
"""A fuller outbox admits no request, since its usage might find no room."""
CLIENT_HUNG_UP = "499"
UNTOLD_CALL_TYPES = frozenset({"atext_completion", "text_completion", "anthropic_messages"})
"""Of which LiteLLM (1.108) may tell nothing where a stream's caller hangs up."""
_CALLERS_PARAMS = frozenset({"model", "max_output_tokens", "input_tokens", "input_bytes", "service_tier"})
"""What of a reservation the caller wrote. Anything else that Tally refuses is this gateway's mistake."""


class Tally_PROXY_Handler(CustomLogger):  # noqa: N801 -- a caller's ``no-log`` turns off callbacks without _PROXY_ in their name
    """LiteLLM looks for each hook in this very class, so a subclass must define ``async_pre_call_hook`` itself."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._tally = AsyncTally(
            settings.url, settings.api_key, outbox=settings.spool, timeout_seconds=settings.timeout_seconds
        )
        self._requests = RequestsInFlight(settings.request_seconds_max + settings.hold_seconds)
        self._background: set[asyncio.Task[None]] = set()
        self._extending: asyncio.Task[None] | None = None
        quiet_litellm()

    @classmethod
    def from_environment(cls) -> Tally_PROXY_Handler:
        return cls(Settings.from_environment(os.environ))

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        """Before each call. What it raises is the caller's answer."""
        metadata = metadata_of(data)
        # What a caller wrote there itself names no request.
        metadata.pop(METADATA_KEY, None)
        if call_type in self._settings.free_call_types:
            return data
        try:
            if call_type not in OPERATIONS:
                raise _unsupported(call_type)
            data.pop("no-log", None)
            project = self._settings.subject.of(user_api_key_dict)
            order = order_of(data, call_type, _router())
            request = await self._admit(project, order, call_type)
            ask_for_usage(data, call_type)
        except NoSubjectError as error:
            raise self._logged(refusal(403, str(error), code="insufficient_permissions")) from error
        except UnsupportedError as error:
            raise self._logged(refusal(400, str(error), code="unsupported", param=error.param)) from error
        except TallyAnswer as answer:
            raise self._logged(answer) from None
        self._requests.add(request)
        metadata[METADATA_KEY] = request.id
        self._start_extending()
        return data

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """After a call, a caller's hang-up included."""
        payload: Mapping[str, Any] = kwargs.get("standard_logging_object") or {}
        request = self._request_of(kwargs.get("litellm_params") or {})
        # LiteLLM's own calls, such as health checks, and call types that are free.
        if request is None:
            return
        # LiteLLM may tell twice.
        self._requests.end(request)
        if kwargs.get("cache_hit") is True or payload.get("cache_hit") is True:
            self._release(request)
            return
        facts = payload.get("metadata") or {}
        usage = usage_of(response_obj, facts)
        is_cut = str((payload.get("error_information") or {}).get("error_code") or "") == CLIENT_HUNG_UP
        self._report(
            request,
            model=str(payload.get("model_group") or kwargs.get("model") or ""),
            usage=usage,
            usage_source="estimated" if is_cut else "reported",
            service_tier=getattr(response_obj, "service_tier", None),
            facts=facts,
            call_id=kwargs.get("litellm_call_id"),
        )

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Passes a stream on, and keeps what a caller that hangs up had of it."""
        request = self._request_of(request_data)
        order = None if request is None else request.order
        chunks: list[Any] = []
        try:
            async for chunk in response:
                if order is not None:
                    chunks.append(chunk)
                yield chunk
        except (GeneratorExit, asyncio.CancelledError):
            if request is not None and order is not None:
                self._in_background(self._report_untold(request, order, chunks, request_data))
            raise

    async def _report_untold(
        self, request: Request, order: Order, chunks: list[Any], data: dict[str, Any]
    ) -> None:
        try:
            await asyncio.sleep(self._settings.telling_seconds)
        finally:
            # Also where the process is stopped meanwhile.
            if self._requests.get(request.id) is not None:
                self._report_cut(request, order, chunks, data)

    def _report_cut(self, request: Request, order: Order, chunks: list[Any], data: dict[str, Any]) -> None:
        self._requests.end(request)
        group, is_cache_hit = attempt_of(data)
        if is_cache_hit:
            self._release(request)
            return
        self._report(
            request,
            model=group,
            usage=estimated_usage(
                chunks, input_bytes=order.input_bytes, max_output_tokens=order.max_output_tokens
            ),
            usage_source="estimated",
            service_tier=None,
            facts=metadata_of(data),
            call_id=data.get("litellm_call_id"),
        )

    def _report(
        self,
        request: Request,
        *,
        model: str,
        usage: dict[str, Any],
        usage_source: UsageSource,
        service_tier: Any,
        facts: Mapping[str, Any],
        call_id: Any,
    ) -> None:
        now = datetime.now(timezone.utc)
        try:
            event = usage_event(
                event_id=request.id,
                source=self._settings.source,
                project=request.project,
                model=resolved_model(model, _router()),
                operation=request.operation,
                usage=usage,
                time=now,
                reservation_id=request.reservation_id,
                usage_source=usage_source,
                service_tier=text_of(service_tier),
                api_key_id=text_of(facts.get("user_api_key_hash")),
                user_id=text_of(facts.get("user_api_key_user_id")),
                request_id=text_of(call_id),
            )
            self._tally.outbox.add([event])
        except (OutboxError, TypeError, ValueError) as error:
            # Raised, LiteLLM would call it non-blocking and go on. The line has all that an operator needs to report the event.
            log(
                logging.ERROR,
                "usage is lost",
                subject=request.project,
                event_id=request.id,
                model=model,
                operation=request.operation,
                usage=usage,
                time=now.isoformat(),
                reservation_id=request.reservation_id,
                reason=repr(error),
            )
        if usage == {}:
            # Its event becomes a dead letter, which ends no hold.
            self._release(request)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """After an attempt that failed. Retries and fallbacks still run, so the hold stays."""

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> None:
        """After the last attempt, and where another callback refuses an answer: its usage is told after this."""
        request = self._request_of(request_data)
        if request is not None:
            self._release(request)

    async def _admit(self, project: str, order: Order, call_type: str) -> Request:
        models = order.models
        request = Request(
            project, OPERATIONS[call_type], None, order if call_type in UNTOLD_CALL_TYPES else None
        )
        if len(models) > MODELS_MAX:
            log(logging.WARNING, "only the first fallbacks are held", models=len(models), held=MODELS_MAX)
        if self._tally.outbox.fill_ratio() > FILL_RATIO_MAX:
            raise _with_fields(unavailable(), project, reason="the outbox is nearly full")
        try:
            reservation = await self._tally.reserve(
                project=project,
                model=models[0] if len(models) == 1 else models[:MODELS_MAX],
                input_bytes=order.input_bytes,
                max_output_tokens=order.max_output_tokens,
                input_count=order.input_count,
                output_count=order.output_count,
                service_tier=order.service_tier,
                ttl_seconds=self._settings.hold_seconds,
            )
        except Denied as error:
            details = error.details
            raise _with_fields(error, project, limit=None if details is None else details.limit) from error
        except Unavailable as error:
            if self._settings.fail_mode == "closed":
                raise _with_fields(error, project, reason=reason_of(error)) from error
            log(logging.WARNING, "admitted without Tally", project=project, reason=reason_of(error))
            return request
        except Refused as error:
            raise _refused(error, project) from error
        request.reservation_id = reservation.id
        return request

    def _request_of(self, data: Mapping[str, Any]) -> Request | None:
        for name in ("litellm_metadata", "metadata"):
            metadata = data.get(name)
            request = self._requests.get(metadata.get(METADATA_KEY)) if isinstance(metadata, dict) else None
            if request is not None:
                return request
        return None

    def _release(self, request: Request) -> None:
        reservation_id, request.reservation_id = request.reservation_id, None
        if reservation_id is not None:
            self._in_background(self._release_now(reservation_id))

    async def _release_now(self, reservation_id: str) -> None:
        try:
            await self._tally.release(reservation_id)
        except TallyError as error:
            log(
                logging.WARNING,
                "a hold stays until it expires",
                reservation_id=reservation_id,
                reason=reason_of(error),
            )

    def _start_extending(self) -> None:
        if self._extending is None or self._extending.done():
            self._extending = asyncio.get_running_loop().create_task(self._extend_all())

    async def _extend_all(self) -> None:
        """Keeps the holds of long streams, up to an end."""
        hold_seconds = self._settings.hold_seconds
        while True:
            await asyncio.sleep(hold_seconds / 4)
            self._requests.forget_old()
            now = time.monotonic()
            for request in self._requests.held():
                is_due = now - request.held_since >= hold_seconds / 2
                is_over = now - request.started_at >= self._settings.request_seconds_max
                if is_due and not is_over and request.reservation_id is not None:
                    await self._extend(request, request.reservation_id)

    async def _extend(self, request: Request, reservation_id: str) -> None:
        try:
            is_held = await self._tally.extend(reservation_id, self._settings.hold_seconds)
        except TallyError as error:
            log(logging.WARNING, "a hold was not extended", project=request.project, reason=reason_of(error))
            return
        request.held_since = time.monotonic()
        if not is_held:
            log(logging.WARNING, "a hold has ended before its request", project=request.project)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _logged(self, answer: TallyAnswer) -> TallyAnswer:
        error = answer.to_dict()
        level = logging.ERROR if answer.code == "500" else logging.WARNING
        log(level, "refused", status=int(answer.code), code=error.get("code"), **answer.fields)
        return answer


TallyHandler = Tally_PROXY_Handler


def _with_fields(error: CallerError, project: str, **fields: object) -> TallyAnswer:
    answer = answer_of(error)
    answer.fields = {"project": project, **fields}
    return answer


def _refused(error: Refused, project: str) -> TallyAnswer:
    if error.status in (400, 422) and error.param in _CALLERS_PARAMS:
        answer = refusal(400, str(error), code=error.code, param=error.param)
    else:
        # Passed on, a 401 would tell the caller that its own key is bad.
        answer = refusal(500, "The server had an error while processing your request", code="internal_error")
    answer.fields = {"project": project, "reason": f"Tally: {error}", "tally_code": error.code}
    return answer


def _unsupported(call_type: str) -> TallyAnswer:
    message = f"This gateway does not meter `{call_type}` requests, so it does not run them"
    answer = refusal(400, message, code="unsupported")
    answer.fields = {
        "call_type": call_type,
        "remedy": "name it in TALLY_FREE_CALL_TYPES to run it without a charge",
    }
    return answer


def _router() -> Any:
    """The proxy's, which knows fallbacks and aliases. It is there once the proxy serves."""
    from litellm.proxy import proxy_server  # noqa: PLC0415

    return proxy_server.llm_router
