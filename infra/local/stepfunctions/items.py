"""What ItemReader reads: the items of a distributed Map, from an object of the payload store or a list of its keys.

AWS page "ItemReader (Map)".
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any, Final

from infra.local.stepfunctions.payloads import Payloads

GET: Final = "arn:aws:states:::s3:getObject"
LIST: Final = "arn:aws:states:::s3:listObjectsV2"


class ItemsError(Exception):
    """The items cannot be read; the message says why."""


def read_items(payloads: Payloads, reader: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[Any]:
    """The items that an ItemReader with these evaluated Arguments gives. Raises ItemsError or NoSuchObjectError."""
    config = reader.get("ReaderConfig", {})
    bucket = arguments.get("Bucket")
    if not isinstance(bucket, str):
        raise ItemsError("The Arguments of ItemReader have no Bucket.")
    if reader.get("Resource") == LIST:
        keys = payloads.keys(bucket, arguments.get("Prefix", ""))
        items: list[Any] = [{"Key": key, "Size": size} for key, size in keys]
    elif reader.get("Resource") == GET:
        items = _items(payloads.read(bucket, arguments.get("Key", "")), config)
    else:
        raise ItemsError(f"ItemReader reads with {GET} or {LIST}, not with '{reader.get('Resource')}'.")
    most = config.get("MaxItems")
    return items[:most] if isinstance(most, int) and most else items


def _items(content: bytes, config: Mapping[str, Any]) -> list[Any]:
    kind = config.get("InputType", "JSON")
    try:
        text = content.decode("utf-8-sig")
        match kind:
            case "JSON":
                value = json.loads(text)
            case "JSONL":
                value = [json.loads(line) for line in text.splitlines() if line.strip()]
            case "CSV":
                value = _rows(text, config)
            case _:
                raise ItemsError(f"ItemReader reads JSON, JSONL and CSV here, not {kind}.")
    except ValueError as error:
        raise ItemsError(f"The object is no {kind}: {error}") from error
    if isinstance(value, dict):
        return [{"Key": key, "Value": item} for key, item in value.items()]
    if not isinstance(value, list):
        raise ItemsError("The object holds no array.")
    return value


def _rows(text: str, config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows as objects whose fields are the columns, named by the first row or by CSVHeaders."""
    delimiters = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiters.get(config.get("CSVDelimiter", "COMMA"), ",")))
    if config.get("CSVHeaderLocation", "FIRST_ROW") == "GIVEN":
        headers = config.get("CSVHeaders", [])
    else:
        headers, rows = (rows[0], rows[1:]) if rows else ([], [])
    return [dict(zip(headers, row, strict=False)) for row in rows if row]
