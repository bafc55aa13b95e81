"""The JSON Schema of a policy: a description at each key, and the same verdict as `parse` on good documents."""

from typing import Any

import jsonschema

from gates.policy import Policy
from tests.gates.pane_builders import policy
from tests.gates.policy_documents import checkout


def test_each_key_has_a_description() -> None:
    """Editors show it; it is in the model, beside its field."""
    schema: dict[str, Any] = Policy.json_schema()
    for model in (schema, *schema["$defs"].values()):
        missing = [key for key, value in model["properties"].items() if not value.get("description")]
        assert missing == []


def test_a_good_document_is_valid() -> None:
    """As written, and in its canonical form."""
    validator = jsonschema.Draft202012Validator(Policy.json_schema())
    for document in (checkout(), policy(budget={"slo": "99%", "spend": "50%"}).document()):
        validator.validate(document)


def test_what_only_pydantic_uses_is_left_out() -> None:
    """No titles, and no default that no document could have."""
    schema: dict[str, Any] = Policy.json_schema()
    errors = schema["$defs"]["ErrorRateCheck"]
    assert "title" not in errors
    assert "default" not in errors["properties"]["ratio"]
    assert errors["properties"]["window"]["default"] == "30s"
