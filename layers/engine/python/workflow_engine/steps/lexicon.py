"""The English words that `sentiment_analysis` knows, in lower case."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


POSITIVE: Final = _words(
    """
    accurate admire amazing amazed attractive awesome beautiful best better brilliant calm cheerful clean clear
    comfortable convenient cool correct delicious delight delighted delightful easy effective efficient elegant enjoy
    enjoyable enjoyed excellent exceptional excited exciting exceptionally fabulous fair fantastic fast favorite
    favourite fine flawless friendly fun generous gentle glad good gorgeous grateful great happy healthy helpful honest
    ideal impressed impressive improved incredible inspiring intuitive joy kind like liked love loved lovely lucky
    magnificent marvelous nice outstanding perfect perfectly pleasant pleased pleasure polite positive powerful pretty
    profitable quick recommend recommended reliable remarkable respect responsive rich robust safe satisfied satisfying
    simple smart smooth solid splendid strong stunning success successful super superb superior support terrific thank
    thanks thankful thrilled top tremendous trust trusted useful valuable warm welcome well win winner wonderful worth
    worthy wow
    """
)

NEGATIVE: Final = _words(
    """
    abysmal afraid angry annoyed annoying anxious appalling ashamed atrocious awful bad boring broken bug buggy cheap
    complain complaint complicated confused confusing crash crashed cruel damage damaged dangerous dead defective
    difficult dirty disappointed disappointing disappointment disaster disgusting dislike disliked dreadful dull error
    expensive fail failed fails failure fake fault faulty fear frustrated frustrating frustration garbage greedy hate
    hated horrible horrific hurt ignored impossible inaccurate incorrect inferior insult junk lack lacking lazy lie lied
    loss lost mediocre mess messy miserable mistake misleading negative nasty noisy pain painful pathetic poor poorly
    problem problems refund regret rejected rude ruined sad scam scared severe shame sick slow sorry stupid terrible
    terribly tired tragic trouble ugly unacceptable unclear unfair unfortunate unfortunately unhappy unhelpful
    unpleasant unreliable unsafe unusable upset useless violent waste wasted weak weird worried worry worse worst
    worthless wrong
    """
)

NEGATIONS: Final = _words("not no never neither nor none nobody nothing hardly barely without cannot")

INTENSIFIERS: Final = _words(
    "very really extremely absolutely incredibly totally completely highly so too utterly truly"
)
