"""An agent and a prompt, and what clients do with such definitions: create, list, run."""

from __future__ import annotations

import uuid
from typing import Any

from tests.support.http_client import Answer, ApiClient

AGENT: dict[str, Any] = {
    "agent_name": "Analyst",
    "description": "Analyses what it is given.",
    "model": "gpt-4o-mini",
    "provider_type": "openai_textgen",
    "system_prompt": "You are an expert analyst.",
    "temperature": 0.1,
    "max_tokens": 1000,
    "tools": ["calculator", {"type": "builtin", "name": "current_time"}],
    "mode": "simulation",
}
PROMPT: dict[str, Any] = {
    "name": "Greeting",
    "system_prompt": "Speak {language}.",
    "query_template": "Greet {{ name }} in the {time}.",
    "variables": [{"name": "language", "default": "English"}, {"name": "name"}, {"name": "time"}],
}


def new_id(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:12]}"


def created(api: ApiClient, path: str, document: dict[str, Any], word: str) -> str:
    """Store a document under an id of its own; gives the id."""
    definition_id = new_id(word)
    answer = api.post(path, {**document, f"{word}_id": definition_id})
    assert answer.status == 201, answer.body
    return definition_id


def started(answer: Answer, api: ApiClient) -> dict[str, Any]:
    """The results of a run that an answer of 202 tells of."""
    assert answer.status == 202, answer.body
    return api.results(answer.body["execution_id"])


def listed(api: ApiClient, path: str, field: str, limit: int = 100) -> list[str]:
    """A field of all items of a list, through all of its pages."""
    found: list[str] = []
    cursor = ""
    for _ in range(200):
        page = api.get(f"{path}?limit={limit}{cursor}").body
        found += [item[field] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError(f"{path} does not end")
