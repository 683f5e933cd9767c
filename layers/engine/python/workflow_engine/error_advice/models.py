"""Errors of agents: what asking a model, or a server of tools, can end in (`workflow_engine.agents.errors`)."""

from __future__ import annotations

from typing import Final

from workflow_engine.error_advice.entry import Entries, Entry

_KEYS: Final = "docs/agents.md#providers-and-keys"
_WHO: Final = "docs/agents.md#what-decides-who-answers"
_TOLD: Final = "docs/agents.md#what-the-model-is-told"
_ANSWER: Final = "docs/agents.md#the-answer"
_MCP: Final = "docs/agents.md#mcp-servers"

ENTRIES: Final[Entries] = {
    "LlmRateLimitError": Entry(
        "The vendor of the model asks to wait, and went on asking over all attempts.",
        "Redrive the run later. max_retries gives longer tries, providers names who answers instead, and max_concurrency of a "
        "list asks less at once.",
        _WHO,
    ),
    "LlmUnavailableError": Entry(
        "The vendor of the model failed, was overloaded or could not be reached, over all attempts.",
        "Redrive the run later, or name further providers, which are asked when the first cannot answer.",
        _WHO,
    ),
    "LlmTimeoutError": Entry(
        "The model did not answer within the time that the step has.",
        "Raise timeout_seconds, ask for a shorter answer (max_tokens), or use a faster model.",
        _WHO,
    ),
    "LlmMalformedAnswerError": Entry(
        "What came from the vendor's address is not an answer of a model, over all attempts.",
        "Redrive the run later. With a server of your own see that its base URL leads to an API that is compatible with OpenAI's.",
        _KEYS,
    ),
    "LlmNotConfiguredError": Entry(
        "There is no key for any provider that the agent names, and its mode does not allow a simulated answer.",
        "Set the key of the provider, in the cloud in the secret and on a laptop in the environment of the server; mode: auto "
        "simulates without one.",
        _KEYS,
    ),
    "LlmAuthenticationError": Entry(
        "The vendor refuses the key: it is wrong, expired or revoked, or does not allow this model.",
        "Renew the key, or ask the vendor for access to the model, then redrive the run: keys are read anew within five minutes.",
        _KEYS,
    ),
    "LlmQuotaError": Entry(
        "The money or quota of the account at the vendor is used up. Waiting does not help.",
        "Raise the account's limit at the vendor, or name another provider, then redrive the run.",
        _KEYS,
    ),
    "LlmModelNotFoundError": Entry(
        "The vendor has no model of this name, or has it no longer, or not in this region.",
        "Check the agent's model against the vendor's list; models that were retired need a successor.",
        _WHO,
    ),
    "LlmContextTooLongError": Entry(
        "The texts, the history, the tools' results and the answer together are longer than the model takes.",
        "Map only what the agent needs, shorten its history, give include_context: false, or use a model with a larger context.",
        _TOLD,
    ),
    "LlmUnsupportedError": Entry(
        "The model cannot do what is asked of it: tools, images or embeddings.",
        "Use a model that can, or leave that part out of the agent.",
        _WHO,
    ),
    "LlmContentFilterError": Entry(
        "The vendor's policy refuses what was asked. No other provider is asked instead: a refusal is an answer.",
        "Look at what the agent was given (include=inputs), and change the texts; no retry helps.",
        _WHO,
    ),
    "LlmInvalidRequestError": Entry(
        "The vendor says that the request is wrong: a parameter, a tool's schema or an attachment.",
        "The message is the vendor's own. Change the agent's parameters; no retry helps.",
        _WHO,
    ),
    "LlmInvalidOutputError": Entry(
        "The answer is not the JSON that response_schema asks for, and was not after it had been sent back once.",
        "Make the schema simpler, describe its fields, raise max_tokens where the answer was cut, or use a stronger model.",
        _ANSWER,
    ),
    "McpServerError": Entry(
        "The MCP server cannot be reached, answers too late, or not as the protocol wants.",
        "Look at GET /tools/mcp-servers/{name}/tools: it asks the server now. Redrive the run once that answers.",
        _MCP,
    ),
}
