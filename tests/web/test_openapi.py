"""The API is what its OpenAPI says: Schemathesis makes requests of it, good and bad, and reads every answer against it."""

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.support.dashboard import dashboard_of
from tests.support.web import KNOWN, ByToken

pytestmark = pytest.mark.prove

EXAMPLES = 20


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_what_the_openapi_says(ledger, mode):
    dashboard = dashboard_of(ledger, access=ByToken())
    api = schemathesis.openapi.from_asgi("/api/v1/openapi.json", dashboard.site, headers=KNOWN)
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 5
    for operation in operations:
        if operation.path.endswith("/start/demo"):
            continue  # it begins to load a company, for minutes and into this ledger
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing there can be wrong

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def holds(case):
            assume(all(value not in ([], {}) for value in (case.query or {}).values()))  # nothing of these is sent
            case.call_and_validate(
                headers=KNOWN, excluded_checks=[ignored_auth, positive_data_acceptance]
            )  # test_authorisation asks every route

        holds()
