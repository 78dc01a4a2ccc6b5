"""The feeds in the house format: one file a feed, found here by name."""

from schemas.feeds.adverse_events import ADVERSE_EVENTS
from schemas.feeds.allocation import ALLOCATION
from schemas.feeds.contacts import CONTACTS
from schemas.feeds.feed import Column, Feed
from schemas.feeds.intercurrent_events import INTERCURRENT_EVENTS
from schemas.feeds.participants import PARTICIPANTS
from schemas.feeds.questionnaires import QUESTIONNAIRES
from schemas.feeds.usage import USAGE

FEEDS: dict[str, Feed] = {
    feed.name: feed
    for feed in (PARTICIPANTS, ALLOCATION, QUESTIONNAIRES, USAGE, CONTACTS, ADVERSE_EVENTS, INTERCURRENT_EVENTS)
}

__all__ = ["FEEDS", "Column", "Feed"]
