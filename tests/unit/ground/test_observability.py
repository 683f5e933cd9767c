"""Logs carry the fields of the request they belong to."""

from __future__ import annotations

import logging

import pytest

from workflow_engine.observability import get_logger, log_fields


def test_bound_fields_are_in_each_record_and_gone_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("tests.observability")
    with caplog.at_level(logging.INFO, "tests.observability"):
        with log_fields(tenant_id="t", user_id=None), log_fields(execution_id="e"):
            logger.info("inside")
        logger.info("outside")
    inside, outside = (vars(record) for record in caplog.records)
    assert (inside["tenant_id"], inside["execution_id"], inside["msg"]) == ("t", "e", "inside")
    assert "user_id" not in inside
    assert "tenant_id" not in outside
