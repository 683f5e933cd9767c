"""Errors of the engine's own step types but agents, and of the kit that steps of one's own are made with."""

from __future__ import annotations

from typing import Final

from workflow_engine.error_advice.entry import FAILURES, LARGE_DATA, Entries, Entry, when

_WRITING: Final = "docs/steps.md#writing-a-step"
_ANSWERS: Final = "docs/steps.md#what-is-sent-and-what-the-answer-means"
_SECRETS: Final = "docs/steps.md#secrets"
_ADDRESSES: Final = "docs/steps.md#which-addresses"
_FILES: Final = "docs/retrieval.md#files"
_VECTORS: Final = "docs/retrieval.md#vectors"
_MOCKS: Final = "docs/testing.md#mocks"
_APPROVALS: Final = "docs/approvals.md"

_OF_WORKFLOWS: Final[Entries] = {
    "StepFailed": Entry(
        "A fail step ended the run on purpose, without an error name of its own.",
        "Its message says why. Where the run should go on, look at the conditions of the fail step.",
        "docs/failures.md#failing-on-purpose",
    ),
    "WorkflowFailed": Entry(
        "A critical step failed, and the steps that undo and report it have run.",
        "The run's error and failed_steps name the step that failed first. Start a new run once its cause is gone: this one "
        "cannot be redriven.",
        "docs/failures.md#undoing-what-was-done",
    ),
    "MaxIterationsExceeded": Entry(
        "A loop has taken all its turns, and its condition asks for more.",
        "Raise max_iterations, or look at the last turns: the value that should end the loop may never come.",
        "docs/language.md#loop",
    ),
    "InvalidDelay": Entry(
        "The time that a delay step was to wait is no number of seconds from 0 to a year, or no moment with a date, a time and "
        "a zone.",
        "Look at what the step before gave for it. A moment is written as 2026-01-31T08:00:00Z.",
        "docs/step-types.md#delay",
    ),
    "SubflowCancelled": Entry(
        "The run of the subflow was cancelled, so it gave nothing.",
        "Redrive this run to start the subflow anew, if it should have gone on. cancelled_by and cancel_cause of its run say "
        "who stopped it and why.",
        "docs/subflows.md#how-it-fails",
    ),
    "ApprovalDenied": Entry(
        "The approval was denied, or nobody decided in time where that counts as denied; the step is told to fail then.",
        "Read the comment in the message. on_deny: complete lets the run go on with the decision, to branch on it by a condition.",
        _APPROVALS,
    ),
}

_OF_STEP_CODE: Final[Entries] = {
    "InvalidStepInput": Entry(
        "What the step was given is not what it needs: its input or its configuration does not fit, once the references are "
        "filled in.",
        "Compare the message with the step's input (include=inputs) and with what its type takes. No retry helps: mend the "
        "workflow or the data.",
        "docs/step-types.md",
        code="WFE-E402",
        cases=(
            when(
                r"^There is no agent|^The agent '|^There is no prompt|^There is no MCP server|neither a built-in tool",
                Entry(
                    "The step names an agent, prompt, tool or server that is not stored, or not any more.",
                    "Store it under this name, or name another, then redrive the run: it is looked for when the step runs.",
                    "docs/agents.md#stored-agents-and-prompts",
                    code="WFE-W410",
                ),
            ),
        ),
    ),
    "StepInputError": Entry(
        "The step's input or configuration does not fit the models of its function.",
        "The message names the fields. Compare them with the step's input (include=inputs); no retry helps.",
        _WRITING,
        code="WFE-E402",
    ),
    "StepOutputError": Entry(
        "What the step gave does not fit the output_schema of its type, or the model of its function.",
        "Mend the function or the endpoint, or register the step type with a schema that says what it really gives.",
        _WRITING,
    ),
    "StepReportedFailure": Entry(
        "The step did its work and reports that it failed: that is its answer, not a fault.",
        "The message is the step's own. Mend what it names, then redrive the run; critical: false lets the run go on without it.",
        FAILURES,
    ),
    "StepTransientError": Entry(
        "Something that usually passes by itself was in the step's way, and was so over all attempts.",
        "Redrive the run later. max_retries and retry_delay_seconds give it more and longer tries.",
        _WRITING,
    ),
    "StepUnavailableError": Entry(
        "The Python function of the step could not be loaded when the server of this machine started.",
        "The message says why. Mend the file, start the server again, and redrive the run.",
        "docs/steps.md#a-folder-of-steps",
    ),
    "UnmockedStepError": Entry(
        "The run is a mocked one, and the step would have had an effect outside that no mock stands in for.",
        "Give the step a mock: an output, an error or a list of these.",
        _MOCKS,
    ),
    "MockError": Entry(
        "The run is a mocked one, and the mock of the step cannot answer: its list is used up, or what it gives does not fit.",
        "The message says what the mock lacks. Mend it in the test's file or in the mocks of the start.",
        _MOCKS,
    ),
    "OutputTooLarge": Entry(
        "The worker's output is larger than the 256 KiB that a step may give.",
        "Return less, or put the data into S3 and return its address.",
        LARGE_DATA,
    ),
}

_ANSWERED: Final = r"^(?:The \w+|'[^']*') answered "
"""Before the status. What follows it is the answer's own text, which may tell of other statuses."""
_REFUSED: Final = "The server took the request for wrong, and would again: the answer's beginning is in the message."

_OF_ENDPOINTS: Final[Entries] = {
    "HttpClientError": Entry(
        _REFUSED,
        "Compare the step's input (include=inputs) with what the server takes. expect lists statuses that are no failure.",
        _ANSWERS,
        cases=(
            when(
                _ANSWERED + r"(401|403|407)\b",
                Entry(
                    "The server does not accept who asks: the secret is missing, wrong or expired, or does not allow this.",
                    "Check auth of the step, and renew the value of the secret that it names; it is read anew within five "
                    "minutes. Then redrive the run.",
                    _SECRETS,
                ),
            ),
            when(
                _ANSWERED + r"(404|410)\b",
                Entry(
                    "The server has nothing at this address: a part of the path is wrong, or what it names was removed.",
                    "Look at what the references in the URL were filled with. expect: [200, 404] makes it an answer that later "
                    "steps can test.",
                    "docs/steps.md#http_request",
                ),
            ),
            when(
                _ANSWERED + r"413\b",
                Entry(
                    "The body is larger than the server takes.",
                    "Send less at once, for example by a for_each over parts.",
                    _ANSWERS,
                ),
            ),
        ),
    ),
    "HttpServerError": Entry(
        "The server had a fault of its own (a status from 500 on), and had it over all attempts.",
        "Redrive the run once it is up again. max_retries and retry_delay_seconds bridge longer faults; POST and PATCH are "
        "only tried again where max_retries says so.",
        _ANSWERS,
    ),
    "HttpThrottledError": Entry(
        "The server answered 429: too many requests, and the time that it asks to wait is not told or longer than the step has.",
        "Run fewer elements at once by max_concurrency, give the step a longer timeout_seconds, or redrive the run later.",
        _ANSWERS,
    ),
    "HttpConnectionError": Entry(
        "There was no connection, or it broke: the host's name is wrong or unknown, the server is down, or a firewall is between.",
        "Check the host in the URL, then redrive the run once the server can be reached.",
        _ANSWERS,
    ),
    "HttpTimeoutError": Entry(
        "The server did not answer in full within timeout_seconds.",
        "Raise timeout_seconds of the step or endpoint, ask for less at once, or redrive the run later. With POST, what was "
        "asked for may have been done.",
        _ANSWERS,
    ),
    "HttpRedirectError": Entry(
        "The server sends the request elsewhere, to another host, over http, or so that its body would be lost; such redirects "
        "are not followed.",
        "Write the address that the message names, if it is meant.",
        _ANSWERS,
    ),
    "HttpCertificateError": Entry(
        "The server's certificate is expired, self-signed, or of another host.",
        "Have the server's certificate renewed, or write the host's name that it is for. There is no way to skip the check.",
        _ANSWERS,
    ),
    "HttpAnswerError": Entry(
        "The answer cannot be read: it calls itself JSON and is not, is no HTTP, or leads to a next page that is not asked for.",
        "response_format: text takes the answer as it is. With pagination compare its paths with a real answer.",
        "docs/steps.md#http_request",
    ),
    "HttpAnswerTooLargeError": Entry(
        "The answer has more than 5 MB, or its pages have together.",
        "Ask for less at once: fewer fields, smaller pages, or a smaller max_pages in several steps.",
        _ANSWERS,
    ),
    "AddressRefusedError": Entry(
        "The URL leads to an address inside a network (private, loopback, link-local), or is none that a step may have.",
        "Use a public address. An operator opens others, such as localhost on a laptop, by STEP_HTTP_ALLOWED_HOSTS.",
        _ADDRESSES,
    ),
    "HostNotFoundError": Entry(
        "The host's name has no address: it is misspelled, or known only inside a network.",
        "Check the host in the URL.",
        _ADDRESSES,
    ),
    "SecretNotSetError": Entry(
        "The tenant has no secret of the name that the step gives, or its value cannot stand in a header.",
        "Set the variable in the tenant's secret, on a laptop in the environment of the server, then redrive the run.",
        _SECRETS,
    ),
    "SecretUnavailableError": Entry(
        "The store of secrets did not answer over all attempts.",
        "Redrive the run later.",
        _SECRETS,
    ),
}

_OF_FILES: Final[Entries] = {
    "FileMissingError": Entry(
        "There is no file under the reference, path, key or address that the step was given.",
        "Look at the step's input (include=inputs). Upload the file by POST /files and hand on the reference that it gives.",
        _FILES,
    ),
    "FileAccessError": Entry(
        "The step may not read from there: a bucket that the deployment does not allow, a path in the cloud, or an address "
        "that asks for credentials.",
        "Upload the file by POST /files, or let whoever runs the service allow the bucket by file_buckets.",
        _FILES,
    ),
    "FileTypeError": Entry(
        "No text is read of this kind of file, or its encoding is not known.",
        "Convert it to text, PDF, docx, xlsx, CSV, JSON or HTML; name the encoding of a text that is not UTF-8.",
        _FILES,
    ),
    "FileTooLargeError": Entry(
        "The file has more bytes, pages, cells or characters than are read.",
        "Split the file, and read its parts by a for_each.",
        _FILES,
    ),
    "FileExpandsTooMuchError": Entry(
        "The file would unpack to far more than it holds, as an archive made to exhaust memory does.",
        "Unpack it elsewhere, and give the parts that are meant.",
        _FILES,
    ),
    "FileEncryptedError": Entry(
        "The file asks for a password, or is an Office file of before 2007.",
        "Save it without a password, as docx, xlsx or PDF.",
        _FILES,
    ),
    "FileUnreadableError": Entry(
        "The file is damaged, or is not what its name says.",
        "Open it in the program that it is for, and save it again.",
        _FILES,
    ),
}

_OF_VECTORS: Final[Entries] = {
    "DimensionMismatchError": Entry(
        "The vectors of the collection have another length than this one.",
        "Embed with the provider, model and dimensions that the collection was filled with, or use another collection.",
        _VECTORS,
    ),
    "EmbeddingModelMismatchError": Entry(
        "The question was embedded by another model than what is stored, so that the two cannot be compared.",
        "Embed both with the same provider and model; a collection with vectors of another one is filled anew.",
        _VECTORS,
    ),
    "CollectionMissingError": Entry(
        "Nothing was ever stored in a collection of this name.",
        "Check collection_name, and run the workflow that stores into it first.",
        _VECTORS,
    ),
}

_OF_SERVICE: Final[Entries] = {
    "ThrottledError": Entry(
        "A service of AWS that a built-in step uses asked for a pause, over all attempts.",
        "Redrive the run later, or run fewer elements at once by max_concurrency.",
        FAILURES,
    ),
    "UnavailableError": Entry(
        "A service of AWS that a built-in step uses did not answer, over all attempts.",
        "Redrive the run later.",
        FAILURES,
    ),
    "MisconfiguredError": Entry(
        "AWS refuses what the service itself needs: a permission, a quota or a key is missing.",
        "Whoever runs the service finds AWS's own message in the log of the step's function. Redrive the run once that is mended.",
        "docs/operating.md",
    ),
}

_NOT_SET: Final = Entry(
    "The step's function lacks a setting of its deployment, or has one that cannot be read: a mistake of the deployment, not "
    "of the workflow.",
    "Whoever runs the service deploys it again; the message names the variable. Then redrive the run.",
    "docs/deploy.md#settings",
)

ENTRIES: Final[Entries] = {
    **dict.fromkeys(("MissingSettingError", "InvalidSettingError"), _NOT_SET),
    **_OF_WORKFLOWS,
    **_OF_STEP_CODE,
    **_OF_ENDPOINTS,
    **_OF_FILES,
    **_OF_VECTORS,
    **_OF_SERVICE,
}
