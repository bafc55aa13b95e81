"""The settings as rows."""

from streams.runtime.settings import Settings
from streams.views.settings import setting_rows


def test_each_setting_is_a_row() -> None:
    """Value, default, description, and whether it was set; secrets are masked."""
    rows = {
        row["variable"]: row for row in setting_rows(Settings.model_validate({"web_port": 7070, "signing_key": "x"}))
    }
    assert (rows["SLUICEGATE_WEB_PORT"]["value"], rows["SLUICEGATE_WEB_PORT"]["default"]) == (7070, 6066)
    assert rows["SLUICEGATE_WEB_PORT"]["set"]
    assert rows["SLUICEGATE_SIGNING_KEY"]["value"] != "x"
    assert rows["SLUICEGATE_WORKER_ID"]["default"] is None
