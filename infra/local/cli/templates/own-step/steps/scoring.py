"""A step of your own: a function, its models, and nothing else."""

from __future__ import annotations

from pydantic import BaseModel
from workflow_engine.sdk import StepContext, StepReportedFailure, step


class Config(BaseModel):
    bad_words: list[str]


class Review(BaseModel):
    text: str


class Scored(BaseModel):
    text: str
    score: int


@step(config=Config, input=Review, output=Scored)
def score_text(config: Config, input: Review, context: StepContext) -> Scored:
    """Count down one for each bad word in a review."""
    if not input.text.strip():
        raise StepReportedFailure("A review without words cannot be scored.")
    words = input.text.lower().split()
    context.logger.info("scored")
    return Scored(text=input.text, score=-sum(word.strip(".,!?") in config.bad_words for word in words))
