"""Requests to onboard a secret: written from a few options, or read from a file."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from secretwatch.adapters.provider_requests import Form, forms
from secretwatch.domain.onboarding.request import Problem, nearest, plain
from secretwatch.domain.reference import SECRET_FIELDS
from secretwatch_cli.failures import Misused

_IDENTIFIERS = ("clientId", "apiKeyId", "appId")  # what vendors call the id that goes with a secret
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for by options; `settings` are FIELD=VALUE within the vendor's configuration."""

    name: str | None = None
    client_id: str | None = None
    secret: str | None = None
    json_key: str | None = None
    discovery_url: str | None = None
    settings: Sequence[str] = field(default=())

    @property
    def nothing(self) -> bool:
        """Whether none of it was given."""
        return self == Wanted()


def kinds() -> Mapping[str, Form]:
    """What can be onboarded, by the words for it: `api-key`, `google-oauth2`, `coinbase-cdp` and so on."""
    return {_kebab(form.vendor) if form.vendor else "api-key": form for form in forms()}


def form_of(text: str) -> Form:
    """The form of a kind, or of the only one that begins so: `google`, `coinbase`; raises Misused for any other."""
    known = kinds()
    begun = [name for name in known if plain(name).startswith(plain(text))] if plain(text) else []
    exact = [name for name in begun if plain(name) == plain(text)]
    if len(found := exact or begun) == 1:
        return known[found[0]]
    meant = nearest(text, known)
    hint = f" Did you mean {meant}?" if meant else ""
    raise Misused(f"{text!r} is not what can be onboarded.{hint} There are: {', '.join(known)}.")


def written(form: Form, wanted: Wanted) -> dict[str, Any]:
    """The body of the request; what was not given is left out, and told with all other problems."""
    body: dict[str, Any] = {"name": wanted.name} if wanted.name else {}
    if form.vendor:
        body["credentialProviderVendor"] = form.vendor
    configuration = body
    for part in form.inside:
        configuration = configuration.setdefault(part, {})
    for path, value in _members(form, wanted):
        _put(configuration, path, value)
    return body


def _members(form: Form, wanted: Wanted) -> Iterator[tuple[str, Any]]:
    """Where in the configuration something goes, and what; one secret serves every reference unless it is said."""
    if wanted.client_id is not None:
        yield _one_of(form, _IDENTIFIERS, "--client-id"), wanted.client_id
    if wanted.discovery_url is not None:
        yield f"{_one_of(form, ('oauthDiscovery',), '--discovery-url')}.discoveryUrl", wanted.discovery_url
    for number, stem in enumerate(form.stems):
        yield f"{stem}Source", "EXTERNAL"
        if wanted.secret is not None:
            yield f"{stem}Config.secretId", wanted.secret
        if wanted.json_key is not None and number == 0:
            yield f"{stem}Config.jsonKey", wanted.json_key
    yield from map(_setting, wanted.settings)


def _one_of(form: Form, members: Sequence[str], option: str) -> str:
    found = next((member for member in members if member in form.members), None)
    if found is None:
        raise Misused(f"{option} is nothing that {form.vendor or 'an API key'} has.")
    return found


def _setting(text: str) -> tuple[str, Any]:
    """Of FIELD=VALUE, whose value may be a JSON object or list; never quotes it, since it may be a secret."""
    path, separator, value = text.partition("=")
    if not separator or not all(path.split(".")):
        raise Misused("--set takes FIELD=VALUE, such as --set tenantId=common or --set walletSecretConfig.jsonKey=key.")
    if not value.startswith(("{", "[")):
        return path, value
    try:
        return path, json.loads(value)
    except ValueError:
        raise Misused(f"--set {path}: the value is not valid JSON.") from None


def _put(configuration: dict[str, Any], path: str, value: Any) -> None:
    *inside, last = path.split(".")
    for name in inside:
        configuration = configuration.setdefault(name, {})
        if not isinstance(configuration, dict):
            raise Misused(f"--set {path}: {name} has no members.")
    configuration[last] = value


def typed(form: Form, problem: Problem) -> Problem:
    """The problem, with what to type where something is missing."""
    if problem.message != "is missing":
        return problem
    path = problem.field.removeprefix(".".join(form.inside)).removeprefix(".")
    return replace(problem, fix=f"{problem.fix} To type: `{_option(form, path)}`.")


def _option(form: Form, path: str) -> str:
    """One secret serves every reference, so that all but the first need their JSON key only."""
    options = {
        "name": "--name NAME",
        "oauthDiscovery": "--discovery-url URL",
        next((member for member in _IDENTIFIERS if member in form.members), ""): "--client-id ID",
    }
    for number, stem in enumerate(form.stems):
        key = "--json-key KEY" if number == 0 else f"--set {stem}Config.jsonKey=KEY"
        options |= {
            f"{stem}Config": f"--secret ARN {key}",
            f"{stem}Config.secretId": "--secret ARN",
            f"{stem}Config.jsonKey": key,
        }
    return options.get(path, f"--set {path}=VALUE")


def options_of(owner: str | None, approve_within: timedelta | None, *, vend: bool) -> dict[str, Any]:
    """What a request says besides its body."""
    options: dict[str, Any] = {}
    if approve_within is not None:
        options["approveWithinSeconds"] = int(approve_within.total_seconds())
    if vend:
        options["vend"] = True
    return ({"owner": owner} if owner is not None else {}) | ({"options": options} if options else {})


def read_file(name: str) -> Any:
    """What a file holds, JSON or YAML, or standard input for `-`; raises Misused, and never quotes the file."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Misused(f"{name} cannot be read: {error.strerror}.") from error
    text = content.decode("utf-8-sig", errors="replace")
    try:
        return _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Misused(f"{name} is neither JSON nor YAML{line}.") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        raise Misused(f"{name} holds no request.") from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # As JSON once more: YAML has dates, and may refer to itself.
        return json.loads(json.dumps(yaml.safe_load(text), default=str))


def example(form: Form) -> dict[str, Any]:
    """A request that is ready but for its names: of a kind with all that it has to have."""
    identifier = next((member for member in _IDENTIFIERS if member in form.members), None)
    discovers = "oauthDiscovery" in form.members
    keys = [f"{stem}Config.jsonKey={SECRET_FIELDS[stem]}" for stem in form.stems[1:]]
    others = [member for member in form.required if member not in (*_IDENTIFIERS, "name", "oauthDiscovery")]
    wanted = Wanted(
        name="my-provider",
        client_id=_placeholder(identifier) if identifier else None,
        secret="arn:aws:secretsmanager:eu-west-1:111122223333:secret:agents/my-secret-a1b2c3",  # noqa: S106 - an ARN
        json_key=SECRET_FIELDS[form.stems[0]],
        discovery_url="https://idp.example.com/.well-known/openid-configuration" if discovers else None,
        settings=[
            *keys,
            *(f"{member}={_placeholder(member)}" for member in others),
            *(f"{member}=https://your-tenant.example.com/{_kebab(member)}" for member in form.advised),
        ],
    )
    return written(form, wanted) | options_of("Your team", timedelta(days=3), vend=False)


def _placeholder(member: str) -> str:
    return f"your-{_kebab(member)}"


def _kebab(text: str) -> str:
    return _WORDS.sub("-", text).lower()
