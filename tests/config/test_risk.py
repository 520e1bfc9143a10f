"""The settings of risk: exact dollars, known zones, and every field said what it is for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from config.about import About
from config.risk import RiskSettings


def test_nothing_given_limits_no_money_and_watches_the_rest() -> None:
    settings = RiskSettings()
    assert (settings.risk_pair_usd, settings.risk_total_usd, settings.risk_daily_loss_usd) == (None, None, None)
    assert settings.risk_errors_in_row == 10
    assert str(settings.risk_zone) == "UTC"


def test_text_and_typed_values_are_read_alike() -> None:
    given = RiskSettings(risk_pair_usd="10", risk_total_usd=100, risk_day_zone="America/New_York", risk_day_hour="17")  # type: ignore[arg-type]
    assert (given.risk_pair_usd, given.risk_total_usd, given.risk_day_hour) == (Decimal(10), Decimal(100), 17)
    assert RiskSettings(**given.model_dump()) == given


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"risk_pair_usd": -1}, "risk_pair_usd"),
        ({"risk_pair_usd": 1.5}, "must be a number from 0"),
        ({"risk_day_zone": "Mars/Olympus"}, "must be the IANA name of a time zone"),
        ({"risk_day_hour": 24}, "must be a whole number from 0 to 23"),
        ({"risk_error_percent": 0}, "must be a whole number from 1 to 100"),
        ({"risk_pear_usd": 1}, "risk_pear_usd"),
    ],
)
def test_what_is_refused_names_its_field(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        RiskSettings(**values)


def test_every_field_says_what_it_is_for() -> None:
    for name, field in RiskSettings.model_fields.items():
        about = [each for each in field.metadata if isinstance(each, About)]
        assert len(about) == 1, name
        assert about[0].meaning.endswith("."), name
