"""What Schemathesis is not to send."""

import os
from urllib.parse import urlencode

import schemathesis
from schemathesis.core import NOT_SET

KEPT = os.environ["TALLY_KEYS_KEPT"].split(",")
# Node reads 16 KiB of line and headers, and answers 431 to more before there is a route that could document it.
QUERY_CHARACTERS_MAX = 12_000


@schemathesis.hook
def filter_case(context, case):
    return not (revokes_own_key(case) or is_too_long(case) or is_null(case))


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
