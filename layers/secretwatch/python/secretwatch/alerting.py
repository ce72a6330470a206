"""Alerting: people are told what is true now, not what an event once said."""

from enum import StrEnum

from secretwatch.domain.alert import compose
from secretwatch.domain.verdict_change import News
from secretwatch.ports import Consumers, References, Topic


class Outcome(StrEnum):
    """What became of a piece of news."""

    SENT = "sent"
    SUPERSEDED = "superseded"  # the Registry has moved on; the later change brings its own news
    NO_NEWS = "no news"  # resolves at first sight
    TOLD_BEFORE = "told before"  # the news was delivered again

    @property
    def is_told(self) -> bool:
        """Whether people were told just now."""
        return self is Outcome.SENT


class Alerting:
    """Tells people about a changed verdict, after reading the Registry again."""

    def __init__(self, references: References, consumers: Consumers, topic: Topic) -> None:
        """`references` says what holds now, `consumers` who is affected, `topic` reaches people."""
        self._references = references
        self._consumers = consumers
        self._topic = topic

    def tell(self, news: News) -> Outcome:
        """Send one message if the news still holds. Called again with the same news, it sends again."""
        state = self._references.find(news.reference)
        if state is None or not news.still_holds(state):
            return Outcome.SUPERSEDED
        alert = compose(state, news.previous_verdict, self._consumers.of_provider(state.reference.provider_arn))
        if alert is None:
            return Outcome.NO_NEWS
        self._topic.publish(alert)
        return Outcome.SENT
