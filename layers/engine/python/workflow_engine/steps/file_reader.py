"""`file_reader`: reads the text of a file. A Task on `step_files`.

A file is a reference that `POST /files` gave (`file:ID`), an object in S3 (`s3://bucket/key`), a URL, or on a laptop a path below
the directory that the server was started in. Text, PDF, Word (docx), Excel (xlsx), CSV, JSON and HTML are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.step_type import StepType
from workflow_engine.steps.text_chunking import STEP_FILES

TIMEOUT_SECONDS: Final = 300
NO_FILE: Final = (
    "No file is named: give a 'file_path', or hand the step one by an 'input_mapping', such as "
    '{"file": "input.file"}.'
)


def _lower(config: Mapping[str, Any]) -> Lowering:
    from workflow_engine.file_errors import FINAL_ERRORS, TRANSIENT_ERRORS  # which load what judges addresses

    return TaskLowering(
        STEP_FILES,
        TIMEOUT_SECONDS,
        transient_errors=TRANSIENT_ERRORS,
        final_errors=FINAL_ERRORS,
        without_input=None if config.get("file_path") else NO_FILE,
        memory_mb=MEMORY_MB[STEP_FILES],
    )


FILE_READER: Final = StepType(
    name="file_reader",
    description="Reads the text of a file: text, PDF, Word, Excel, CSV, JSON, HTML.",
    config_schema=object_schema(
        {
            "file_path": property_schema(
                "File",
                "file:ID of an uploaded file, s3://bucket/key, a URL, or a path on a laptop. May hold {{ references }}. "
                "Without it, the file in the step's input.",
                examples=["file:report", "s3://bucket/report.pdf"],
                type="string",
                minLength=1,
                maxLength=2048,
            ),
            "encoding": property_schema(
                "Encoding",
                "The encoding of a text file. Without it, UTF-8, or what the first bytes say.",
                type="string",
                minLength=1,
                examples=["latin-1"],
            ),
            "max_characters": property_schema(
                "Characters",
                "A longer text is cut after so many characters, and `truncated` is true.",
                type="integer",
                minimum=1,
                examples=[20000],
            ),
        }
    ),
    output_schema=output_schema(
        {
            "file_path": property_schema("File", "As it was named.", type="string"),
            "file_name": property_schema("Name", "Without directories.", type="string"),
            "file_extension": property_schema("Extension", "With the dot, in lower case.", type="string"),
            "content": property_schema("Content", "The text; of a long one its beginning.", type="string"),
            "content_ref": property_schema(
                "Reference", "Where the whole of a long text is, for text_chunking; else null.", type=["string", "null"]
            ),
            "parsed": property_schema(
                "Parsed",
                "Of JSON its value, of CSV its rows, of Excel its sheets with their rows; null where that is long.",
            ),
            "content_length": property_schema("Length", "Of the whole text, in characters.", type="integer"),
            "truncated": property_schema("Truncated", "Whether `content` is only the beginning.", type="boolean"),
            "processed_at": TIMESTAMP,
            "success": SUCCESS,
        }
    ),
    lower=_lower,
    template_fields=("file_path",),
)
