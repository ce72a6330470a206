"""What each function takes from its environment; the only readers of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from secretwatch.domain.incident.rules import AlertRules
from secretwatch.domain.repair.rules import Mode, RepairRules
from secretwatch.domain.repair.statement import Guard
from secretwatch.domain.rules import CONSUMERS, ReadValues, Rules
from secretwatch.policy import Principal, PrincipalKind


@dataclass(frozen=True, slots=True)
class CheckReferencesSettings:
    """Of `check_references`."""

    registry_table: str
    sweep_queue_url: str
    own_roles: frozenset[str]
    rules: Rules
    owner_tag: str = "owner"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
            own_roles=frozenset(_listed(environ["OWN_ROLE_ARNS"])),
            rules=rules_from(environ),
            owner_tag=environ.get("OWNER_TAG") or "owner",
        )


def rules_from(environ: Mapping[str, str]) -> Rules:
    """The rules as the stack's parameters give them; one that is not set is as in `Rules`. Raises ValueError."""
    defaults = Rules()
    readers, days = _listed(environ.get("REQUIRED_READERS", "")), int(environ.get("ROTATION_MAX_AGE_DAYS", "0"))
    unknown_after = int(environ.get("UNKNOWN_AFTER_MINUTES", "0"))
    return Rules(
        required_readers=tuple(map(_reader, readers)) or defaults.required_readers,
        required_tags=dict(map(_tag, _listed(environ.get("REQUIRED_TAGS", "")))),
        customer_managed_key=environ.get("REQUIRE_CUSTOMER_MANAGED_KEY") == "true",
        rotation=environ.get("REQUIRE_ROTATION") == "true",
        rotation_max_age=timedelta(days=days) if days else None,
        narrow_policy=environ.get("REQUIRE_NARROW_POLICY") == "true",
        unknown_after=timedelta(minutes=unknown_after) if unknown_after else defaults.unknown_after,
        read_values=ReadValues(environ.get("READ_SECRET_VALUES", defaults.read_values)),
    )


def _reader(text: str) -> str:
    if text == CONSUMERS or _names_reader(text):
        return text
    raise ValueError(
        f"REQUIRED_READERS: {text!r} is no reader: name a service, a role by its ARN (no session), or `{CONSUMERS}`"
    )


def _names_reader(text: str) -> bool:
    try:
        return Principal.parse(text).kind in {PrincipalKind.SERVICE, PrincipalKind.ROLE}
    except ValueError:
        return False


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _tag(text: str) -> tuple[str, frozenset[str]]:
    """`tag`, or `tag=value|value`."""
    tag, _, values = text.partition("=")
    return tag.strip(), frozenset(value.strip() for value in values.split("|") if value.strip())


def traces(environ: Mapping[str, str]) -> bool:
    """Whether the functions are traced: as Powertools' own variable says, and not unless it says so."""
    return environ.get("POWERTOOLS_TRACE_DISABLED", "true") == "false"


@dataclass(frozen=True, slots=True)
class TakeInventorySettings:
    """Of `take_inventory`."""

    registry_table: str
    inventory_queue_url: str
    sweep_queue_url: str
    consumers_have_to_read: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            inventory_queue_url=environ["INVENTORY_QUEUE_URL"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
            consumers_have_to_read=CONSUMERS in _listed(environ["REQUIRED_READERS"]),
        )


@dataclass(frozen=True, slots=True)
class PublishVerdictsSettings:
    """Of `publish_verdicts`."""

    bus_name: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(bus_name=environ["BUS_NAME"])


@dataclass(frozen=True, slots=True)
class SendAlertsSettings:
    """Of `send_alerts`; without `slack_secret_arn` nothing is sent to Slack."""

    registry_table: str
    bus_name: str
    alerts_topic_arn: str
    as_json: bool
    alert_email: str
    account: str
    region: str
    account_alias: str
    slack_secret_arn: str
    slack_api_url: str
    rules: AlertRules
    repair_mode: Mode

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            bus_name=environ["BUS_NAME"],
            alerts_topic_arn=environ["ALERTS_TOPIC_ARN"],
            as_json=environ.get("ALERT_FORMAT") == "json",
            alert_email=environ.get("ALERT_EMAIL", ""),
            account=environ["ACCOUNT_ID"],
            region=environ["AWS_REGION"],
            account_alias=environ.get("ACCOUNT_ALIAS", ""),
            slack_secret_arn=environ.get("SLACK_SECRET_ARN", ""),
            slack_api_url=environ.get("SLACK_API_URL") or "https://slack.com/api/",
            rules=alert_rules_from(environ),
            repair_mode=Mode(environ.get("REPAIR_MODE", Mode.OBSERVE)),
        )


def alert_rules_from(environ: Mapping[str, str]) -> AlertRules:
    """The rules as the stack's parameters give them; one that is not set is as in `AlertRules`. Raises ValueError."""
    defaults = AlertRules()
    flap, remind = environ.get("FLAP_WINDOW_MINUTES"), environ.get("REMIND_AFTER_HOURS")
    return AlertRules(
        flap_window=timedelta(minutes=int(flap)) if flap else defaults.flap_window,
        remind_after=timedelta(hours=int(remind)) if remind else defaults.remind_after,
        digest_after=int(environ.get("DIGEST_AFTER") or defaults.digest_after),
    )


@dataclass(frozen=True, slots=True)
class RepairAccessSettings:
    """Of `repair_access`."""

    registry_table: str
    sweep_queue_url: str
    bus_name: str
    account: str
    region: str
    own_roles: frozenset[str]
    rules: Rules
    repair_rules: RepairRules

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
            bus_name=environ["BUS_NAME"],
            account=environ["ACCOUNT_ID"],
            region=environ["AWS_REGION"],
            own_roles=frozenset(_listed(environ["OWN_ROLE_ARNS"])),
            rules=rules_from({**environ, "READ_SECRET_VALUES": ReadValues.NONE}),
            repair_rules=repair_rules_from(environ),
        )


def repair_rules_from(environ: Mapping[str, str]) -> RepairRules:
    """The rules as the stack's parameters give them; one that is not set is as in `RepairRules`. Raises ValueError."""
    defaults = RepairRules()
    minutes = int(environ.get("BREAKER_WINDOW_MINUTES", "0"))
    return RepairRules(
        mode=Mode(environ.get("REPAIR_MODE", defaults.mode)),
        guard=Guard(environ.get("REPAIR_CONDITION", defaults.guard)),
        key_policies=environ.get("REPAIR_KEY_POLICIES") == "on",
        iac_tags=frozenset(_listed(environ["IAC_TAGS"])) if "IAC_TAGS" in environ else defaults.iac_tags,
        budget_per_hour=int(environ.get("REPAIR_BUDGET_PER_HOUR", defaults.budget_per_hour)),
        contested_after=int(environ.get("REPAIR_CONTESTED_AFTER", defaults.contested_after)),
        breaker_secrets=int(environ.get("BREAKER_SECRETS", defaults.breaker_secrets)),
        breaker_percent=int(environ.get("BREAKER_PERCENT", defaults.breaker_percent)),
        breaker_window=timedelta(minutes=minutes) if minutes else defaults.breaker_window,
    )


@dataclass(frozen=True, slots=True)
class DecideRepairSettings:
    """Of `decide_repair`."""

    registry_table: str
    repair_queue_url: str
    mode: Mode

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            repair_queue_url=environ["REPAIR_QUEUE_URL"],
            mode=Mode(environ["REPAIR_MODE"]),
        )


@dataclass(frozen=True, slots=True)
class OnboardSecretSettings:
    """Of `onboard_secret`; with `vend` a credential may be fetched once, to prove that it can be."""

    registry_table: str
    bus_name: str
    account: str
    region: str
    rules: Rules
    repair_rules: RepairRules
    owner_tag: str
    vend: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            bus_name=environ["BUS_NAME"],
            account=environ["ACCOUNT_ID"],
            region=environ["AWS_REGION"],
            rules=rules_from(environ),
            repair_rules=repair_rules_from(environ),
            owner_tag=environ.get("OWNER_TAG") or "owner",
            vend=environ.get("ONBOARDING_VEND") == "on",
        )


@dataclass(frozen=True, slots=True)
class OffboardProviderSettings:
    """Of `offboard_provider`."""

    registry_table: str
    bus_name: str
    account: str
    region: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            bus_name=environ["BUS_NAME"],
            account=environ["ACCOUNT_ID"],
            region=environ["AWS_REGION"],
        )


@dataclass(frozen=True, slots=True)
class GrantAccessSettings:
    """Of `grant_access`, which reads no value."""

    registry_table: str
    sweep_queue_url: str
    bus_name: str
    account: str
    region: str
    rules: Rules
    repair_rules: RepairRules

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set, ValueError for one that cannot be read."""
        return cls(
            registry_table=environ["REGISTRY_TABLE"],
            sweep_queue_url=environ["SWEEP_QUEUE_URL"],
            bus_name=environ["BUS_NAME"],
            account=environ["ACCOUNT_ID"],
            region=environ["AWS_REGION"],
            rules=rules_from({**environ, "READ_SECRET_VALUES": ReadValues.NONE}),
            repair_rules=repair_rules_from(environ),
        )


@dataclass(frozen=True, slots=True)
class CreateProviderSettings:
    """Of `create_provider`."""

    registry_table: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(registry_table=environ["REGISTRY_TABLE"])


@dataclass(frozen=True, slots=True)
class DecideOnboardingSettings:
    """Of `decide_onboarding`."""

    registry_table: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises KeyError for a variable that is not set."""
        return cls(registry_table=environ["REGISTRY_TABLE"])
