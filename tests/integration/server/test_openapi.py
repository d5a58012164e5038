import pytest

pytestmark = pytest.mark.integration


@pytest.mark.filterwarnings("ignore")  # of schemathesis's own dependencies
def test_whatever_the_description_allows_and_forbids_gets_what_it_promises(serve):
    import schemathesis
    from hypothesis import HealthCheck, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

    served, token = serve(SAMPLEMIND_API_TOKEN="t0ken"), {"authorization": "Bearer t0ken"}
    schema = schemathesis.openapi.from_dict(served.http.get("/openapi.json", headers=token).json())
    few = settings().max_examples // 3  # one costs as much as twenty of another property
    operations = [found.ok() for found in schema.get_all_operations()]

    # Not held to: a provider's failure is a 5xx; no schema says what base64 or a JSON Schema is; and that a wrong token
    # is refused is tested in test_bounds.py, as here every request carries the right one.
    def call(case):
        response = case.call(base_url=served.url, headers=token)
        assert response.status_code not in (500, 501)
        case.validate_response(response, excluded_checks=[not_a_server_error, positive_data_acceptance, ignored_auth])

    for operation in operations:
        modes = [GenerationMode.POSITIVE] + [GenerationMode.NEGATIVE] * (operation.method == "post")
        for mode in modes:
            tried = settings(max_examples=few, derandomize=True, suppress_health_check=list(HealthCheck))
            tried(given(case=operation.as_strategy(generation_mode=mode))(call))()
    assert len(operations) >= 23
