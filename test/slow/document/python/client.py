"""What a gateway and a finance program in Python do with the client that openapi-python-client made of the document."""

import json
import os
from datetime import datetime, timezone
from typing import Any, TypeVar

from tally.api.balances import balances_forecast, balances_get
from tally.api.events import events_list
from tally.api.exports import exports_focus
from tally.api.leases import leases_renew
from tally.api.quota import quota_release, quota_reserve
from tally.api.usage_events import usage_events_report
from tally.client import AuthenticatedClient
from tally.models.balance import Balance
from tally.models.counted_usage_event_list import CountedUsageEventList
from tally.models.denial_details import DenialDetails
from tally.models.error_answer import ErrorAnswer
from tally.models.forecast import Forecast
from tally.models.lease import Lease
from tally.models.lease_order import LeaseOrder
from tally.models.released_reservation import ReleasedReservation
from tally.models.reservation import Reservation
from tally.models.reservation_order import ReservationOrder
from tally.models.usage_event import UsageEvent
from tally.models.usage_receipt import UsageReceipt
from tally.types import UNSET, Response

MODEL = "cw_meta-llama_Llama-3.3-70B-Instruct"
Expected = TypeVar("Expected")


def client(key: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["TALLY_URL"], token=key)


GATEWAY = client(os.environ["GATEWAY_KEY"])
FINANCE = client(os.environ["FINANCE_KEY"])


def answered(kind: type[Expected], response: Response[Any]) -> Expected:
    if not isinstance(response.parsed, kind):
        raise TypeError(f"{kind.__name__} expected: {response.status_code} {response.content!r}")
    return response.parsed


def order(project: str) -> ReservationOrder:
    return ReservationOrder(project=project, model=MODEL, input_tokens=100, max_output_tokens=10)


def reserve() -> Reservation:
    return answered(Reservation, quota_reserve.sync_detailed(client=GATEWAY, body=order("entity1/project1")))


def event(id: str, tokens: int, **more: str) -> UsageEvent:
    usage = {"prompt_tokens": tokens, "completion_tokens": 10, "total_tokens": tokens + 10}
    return UsageEvent.from_dict(
        {
            "specversion": "1.0",
            "id": id,
            "source": "/gateways/python",
            "type": "ai.inference.usage.v1",
            "subject": "entity1/project1",
            "time": datetime.now(timezone.utc).isoformat(),
            "data": {"model": MODEL, "usage": usage, **more},
        }
    )


def reserve_and_report() -> dict[str, Any]:
    held = reserve()
    body = event("python-1", 100, reservation_id=held.id)
    receipt = answered(UsageReceipt, usage_events_report.sync_detailed(client=GATEWAY, body=body))
    return {
        "project": held.project,
        "hold_basis": held.hold_basis,
        "project_cap_usd": held.remaining.project_cap_usd,
        "accepted": receipt.accepted,
        "rejected": len(receipt.rejected),
    }


def reserve_and_release() -> dict[str, Any]:
    held = reserve()
    first = quota_release.sync_detailed(client=GATEWAY, id=held.id)
    again = quota_release.sync_detailed(client=GATEWAY, id=held.id)
    released = answered(ReleasedReservation, first)
    return {"status": first.status_code, "again": again.status_code, "id": released.id == held.id}


def lease() -> dict[str, Any]:
    body = LeaseOrder(
        lease_id="lease_PythonPythonPythonPyth.entity1",
        sequence=1,
        project="entity1/project1",
        outstanding_usd="0",
        free_usd="0",
        wanted_usd="0.01",
        models=[MODEL],
    )
    leased = answered(Lease, leases_renew.sync_detailed(client=GATEWAY, body=body))
    return {"reason": leased.reason, "granted_usd": leased.granted_usd, "priced": leased.prices[0].model}


def report_nothing() -> dict[str, Any]:
    response = usage_events_report.sync_detailed(client=GATEWAY, body=event("python-2", -1))
    receipt = answered(UsageReceipt, response)
    return {
        "status": response.status_code,
        "accepted": receipt.accepted,
        "code": receipt.rejected[0].code,
    }


def denial() -> dict[str, Any]:
    response = quota_reserve.sync_detailed(client=GATEWAY, body=order("stopped/project1"))
    denied = answered(ErrorAnswer, response).error
    if not isinstance(denied.details, DenialDetails):
        raise TypeError("a denial has details")
    return {
        "status": response.status_code,
        "code": denied.code,
        "type": denied.type_,
        "param": denied.param,
        "limit": denied.details.limit,
        "scope": denied.details.scope,
        "limit_usd": denied.details.limit_usd,
        "should retry": response.headers["x-should-retry"],
    }


def wrong_key() -> dict[str, Any]:
    response = quota_reserve.sync_detailed(client=client("none"), body=order("entity1/project1"))
    return {"status": response.status_code, "code": answered(ErrorAnswer, response).error.code}


def forecasts() -> dict[str, Any]:
    known = answered(Forecast, balances_forecast.sync_detailed("entity1", client=FINANCE))
    unknown = answered(Forecast, balances_forecast.sync_detailed("newcomer", client=FINANCE))
    return {
        "reason": known.reason,
        "capped": known.capped,
        "has amount": isinstance(known.forecast_usd, str),
        "unknown reason": unknown.reason,
        "unknown amount": unknown.forecast_usd,
        "unknown capped": unknown.capped,
    }


def balance() -> dict[str, Any]:
    read = answered(Balance, balances_get.sync_detailed("newcomer", client=FINANCE))
    return {
        "credits_usd": read.credits_usd,
        "monthly_cap_usd": read.monthly_cap_usd,
        "yearly_cap_usd": read.yearly_cap_usd,
        "forecast_usd": read.forecast_usd,
        "projects": len(read.projects),
    }


def pages() -> dict[str, Any]:
    sizes: list[int] = []
    after: str | None = None
    while True:
        response = events_list.sync_detailed("entity1", client=FINANCE, limit=3, after=after or UNSET)
        page = answered(CountedUsageEventList, response)
        sizes.append(len(page.data))
        if not page.has_more:
            break
        after = page.last_id
    return {"first": sizes[0], "more than one": len(sizes) > 1}


def focus() -> dict[str, Any]:
    refused = exports_focus.sync_detailed(client=FINANCE, period="2026-13", entity="entity1")
    error = answered(ErrorAnswer, refused).error
    period = datetime.now(timezone.utc).strftime("%Y-%m")
    good = exports_focus.sync_detailed(client=FINANCE, period=period, entity="entity1")
    return {
        "refused": refused.status_code,
        "code": error.code,
        "param": error.param,
        "status": good.status_code,
        "is focus": b"BilledCost" in good.content,
    }


print(
    json.dumps(
        {
            "reserved and reported": reserve_and_report(),
            "released": reserve_and_release(),
            "leased": lease(),
            "refused report": report_nothing(),
            "denial": denial(),
            "wrong key": wrong_key(),
            "forecasts": forecasts(),
            "balance": balance(),
            "pages": pages(),
            "focus": focus(),
        }
    )
)
