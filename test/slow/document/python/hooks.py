"""What Schemathesis does not send, and from where it sends the rest."""

import itertools
import os
from urllib.parse import urlencode
from zlib import crc32

import requests.sessions
import schemathesis
from requests.adapters import HTTPAdapter
from schemathesis.core import NOT_SET

KEPT = os.environ["TALLY_KEYS_KEPT"].split(",")
# Node reads 16 KiB of line and headers, and answers 431 to more before there is a route that could document it.
QUERY_CHARACTERS_MAX = 12_000
# Of 12,000 requests 5,000 send a value of a wrong type: four or five to each field. One in so many is sent.
WRONG_TYPES_OF = 4


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Making up the longest subjects that fit the pattern takes as much time as all other operations together."""
    for parameter in raw_schema["paths"]["/v1/usage/litellm"]["post"]["parameters"]:
        if parameter["name"] == "subject":
            del parameter["schema"]["maxLength"]


@schemathesis.hook
def filter_case(context, case):
    return not (revokes_own_key(case) or is_too_long(case) or is_null(case) or is_one_more_wrong_type(case))


def revokes_own_key(case):
    """It remembers ids that it has read, also of the keys that it calls with."""
    is_change = case.method != "GET" and case.operation.path.startswith("/v1/admin/keys/{id}")
    return is_change and (case.path_parameters or {}).get("id") in KEPT


def is_too_long(case):
    query = case.query if isinstance(case.query, dict) else {}
    return len(urlencode(query, doseq=True)) > QUERY_CHARACTERS_MAX


def is_null(case):
    """Where a body may be left out, null says the same; the document cannot say so beside the body's type."""
    return case.body is None and case.body is not NOT_SET


def is_one_more_wrong_type(case):
    """By what is sent, so that a run with the same seed leaves out the same, and every type is sent somewhere."""
    scenario = getattr(case.meta.phase.data, "scenario", None) if case.meta else None
    if scenario is None or scenario.value != "incorrect_type":
        return False
    sent = (case.operation.label, case.path_parameters, case.query, case.headers, case.body)
    return crc32(repr(sent).encode()) % WRONG_TYPES_OF != 0


class AddressOfItsOwn(HTTPAdapter):
    """Each session has a loopback address of its own: from one address, many bad keys are limited and not answered 401."""

    addresses = (f"127.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}" for n in itertools.count(2))

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(next(self.addresses), 0), **kwargs)


requests.sessions.HTTPAdapter = AddressOfItsOwn
