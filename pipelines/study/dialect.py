"""Which system wrote a site's export, and how it was set: the `dialect` of a source in the study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from pipelines.study.strict import Strict
from pipelines.study.text import Text

Unfinished = Literal["leave_out", "read"]


class Redcap(Strict):
    """`export`: whether cells hold codes (REDCap's "raw data") or labels. `dictionary` names the project's data
    dictionary, a CSV in `dictionaries/` beside the study file; with it, labels become codes again."""

    name: Literal["redcap"]
    export: Literal["raw", "labels"] = "raw"
    dictionary: str | None = Field(default=None, pattern=r"^[^/\\]+\.csv$")


class Qualtrics(Strict):
    """Three header rows. Previews and tests are never read."""

    name: Literal["qualtrics"]
    unfinished: Unfinished = "leave_out"


class LimeSurvey(Strict):
    """Headings are question codes: `Q1[SQ001]` in the study file, `Q1_SQ001` in files that say so."""

    name: Literal["limesurvey"]
    unfinished: Unfinished = "leave_out"


class Moodle(Strict):
    """The download of the log report. `description` is what its column is called in the site's language; what
    users in `staff` (Moodle's ids) do to a participant counts as done by a therapist."""

    name: Literal["moodle"]
    description: str = "Description"
    staff: list[Text] = Field(default_factory=list)


class Xapi(Strict):
    """xAPI statements, one a record of a JSON file; a dot leads into an object (`verb.id`)."""

    name: Literal["xapi"]


AnyDialect = Annotated[Redcap | Qualtrics | LimeSurvey | Moodle | Xapi, Field(discriminator="name")]

DIALECT_NAMES = [get_args(kind.model_fields["name"].annotation)[0] for kind in get_args(get_args(AnyDialect)[0])]


def _named(dialect: object) -> object:
    """`dialect: redcap` is short for `dialect: {name: redcap}`."""
    settings = {"name": dialect} if isinstance(dialect, str) else dialect
    if isinstance(settings, Mapping) and settings.get("name") not in DIALECT_NAMES:
        said = f"there is no dialect `{settings['name']}`" if "name" in settings else "`dialect.name` is required"
        raise ValueError(f"{said}; the dialects are {', '.join(DIALECT_NAMES)}")
    return settings


Dialect = Annotated[AnyDialect, BeforeValidator(_named)]

# Where a dialect reads from unless the study file says otherwise: key of the source → feed's column → what.
DEFAULTS: dict[str, dict[str, dict[str, str]]] = {
    "moodle": {
        "columns": {
            "event_id": "moodle_event",
            "subject_id": "moodle_subject",
            "occurred_at": "Time",
            "actor": "moodle_actor",
            "event": "Event name",
            "module": "Event context",
        }
    },
    "xapi": {
        "columns": {
            "event_id": "id",
            "subject_id": "actor.account.name",
            "occurred_at": "timestamp",
            "event": "verb.id",
            "module": "object.id",
            "duration_s": "result.duration",
        },
        "constants": {"actor": "participant"},
        "numbers": {"duration_s": "iso8601_duration"},
    },
}

# Columns that name people or tell where they are: never stored, whatever a mapping says.
PERSONAL: dict[str, tuple[str, ...]] = {
    "qualtrics": (
        *("IPAddress", "RecipientLastName", "RecipientFirstName", "RecipientEmail", "Location*"),
        *("ipAddress", "recipientLastName", "recipientFirstName", "recipientEmail", "location*"),
    ),
    "limesurvey": ("ipaddr", "refurl", "firstname", "lastname", "email"),
    "moodle": ("User full name", "Affected user", "IP address"),
    "xapi": ("actor.name", "*.mbox", "*.openid"),
}


def with_defaults(source: Any) -> Any:
    """A source as written, completed by what its dialect reads from unless told otherwise."""
    if not isinstance(source, Mapping):
        return source
    dialect = source.get("dialect")
    name = dialect.get("name") if isinstance(dialect, Mapping) else dialect
    completed: dict[str, Any] = dict(source)
    filled = {n for key in ("columns", "joined") if isinstance(own := source.get(key), Mapping) for n in own}
    for key, usual in DEFAULTS.get(str(name), {}).items():
        own = source.get(key, {})
        if isinstance(own, Mapping):
            completed[key] = {**{n: default for n, default in usual.items() if n not in filled}, **own}
    return completed
