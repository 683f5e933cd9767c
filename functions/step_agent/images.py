"""Images that a step's input names by their address."""

from __future__ import annotations

from typing import Final

from llm_gateway.request import Image
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.outbound import AddressPolicy
from workflow_engine.sdk import InvalidStepInput

MAX_BYTES: Final = 5 * 1024 * 1024
"""What every vendor takes: Anthropic's models on Bedrock take the least (Bedrock, "Converse", ImageBlock: 3.75 MB of
decoded pixels, 5 MB of base64)."""

MAX_SECONDS: Final = 20.0


def fetch_image(url: str, policy: AddressPolicy, seconds_left: float) -> Image:
    """The image at an address. Raises InvalidStepInput for what is no image, is too large or may not be reached."""
    import httpx2

    from agent_tools import outbound

    seconds = max(1.0, min(MAX_SECONDS, seconds_left))
    try:
        with outbound.client(policy, seconds=seconds, max_response_bytes=MAX_BYTES) as client:
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
