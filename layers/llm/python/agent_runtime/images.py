"""Images that a step's input brings: data, or the address of some."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from llm_gateway.request import Image
from workflow_engine.errors import InvalidStepInput, WorkflowEngineError
from workflow_engine.outbound import AddressPolicy

MAX_BYTES: Final = 5 * 1024 * 1024
"""What every vendor takes: Anthropic's models on Bedrock take the least (Bedrock, "Converse", ImageBlock: 3.75 MB of
decoded pixels, 5 MB of base64)."""

MAX_SECONDS: Final = 20.0

_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.*)", re.DOTALL)


def image_of(value: Any) -> Image | str | None:
    """An image given as a data: URL or as `{media_type, data}` with base64, the address of one that is to be fetched, or None
    for anything else: another file, a number. Raises InvalidStepInput for an image whose data is not base64.
    """
    if isinstance(value, Mapping):
        if isinstance(value.get("url"), str):
            return image_of(value["url"])
        media_type, data = value.get("media_type") or value.get("mime_type"), value.get("data")
        if isinstance(media_type, str) and media_type.startswith("image/") and isinstance(data, str):
            return Image(media_type, _decoded(data))
    if isinstance(value, str):
        if match := _DATA_URL.fullmatch(value):
            return Image(match[1], _decoded(match[2]))
        if value.startswith(("https://", "http://")) and _may_be_an_image(value):
            return value
    return None


def fetch_image(url: str, policy: AddressPolicy, seconds_left: float) -> Image:
    """The image at an address. Raises InvalidStepInput for what is no image, is too large or may not be reached."""
    import httpx2

    from agent_tools import guarded_http

    seconds = max(1.0, min(MAX_SECONDS, seconds_left))
    try:
        with guarded_http.client(policy, seconds=seconds, max_response_bytes=MAX_BYTES) as client:
            response = client.get(url)
    except WorkflowEngineError as error:
        raise InvalidStepInput(f"The image cannot be read: {error.detail}") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise InvalidStepInput(f"The image cannot be read: {type(error).__name__}.") from error
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200 or not media_type.startswith("image/"):
        raise InvalidStepInput(
            f"The address of an image answered {response.status_code} with '{media_type or 'no media type'}'."
        )
    return Image(media_type, response.content)


def _may_be_an_image(url: str) -> bool:
    """Not an address whose end names another kind of file, as attachments often are."""
    try:
        kind, _ = mimetypes.guess_type(urlsplit(url).path)
    except ValueError:
        return False
    return kind is None or kind.startswith("image/")


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidStepInput("The data of an image is not base64.") from None
