"""What somebody asks about: a secret or a provider, by name or ARN, as the Registry knows it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from secretwatch.domain.change import WholeInventory
from secretwatch.domain.reference import Provider, ProviderKind, ProviderName
from secretwatch.domain.secret import SecretId
from secretwatch.domain.state import ReferenceState
from secretwatch.ports import ProviderRecords, References
from secretwatch_cli.failures import Misused, Unable

_PROVIDER_ARN = re.compile(r"arn:[^:]+:[a-z-]+:[^:]*:\d{12}:token-vault/\S+")


@dataclass(frozen=True, slots=True)
class Target:
    """A secret or a provider: what people call it, its ARNs, and how to look at its references.

    There are several ARNs where references name a secret that was created again. None are known of one that nobody
    references, unless it was named by its ARN.
    """

    name: str
    arns: tuple[str, ...]
    look: Callable[[], list[ReferenceState]]

    @property
    def arn(self) -> str:
        """The only ARN; raises Misused when there are several, Unable when there is none."""
        if len(self.arns) > 1:
            raise Misused(f"{self.name} names several secrets. Say which: {', '.join(self.arns)}")
        if not self.arns:
            raise Unable(nobody(self.name))
        return self.arns[0]


class Targets:
    """Finds what is meant in the Registry of one account and Region."""

    def __init__(self, references: References, providers: ProviderRecords, everything: WholeInventory) -> None:
        """`everything` places a bare name."""
        self._references = references
        self._providers = providers
        self._everything = everything

    def find(self, text: str) -> Target:
        """What is meant by `text`.

        Raises Misused when it is no name, or the name of several; an unknown one has no references.
        """
        if _PROVIDER_ARN.fullmatch(text):
            return self._provider_by_arn(text)
        secret = self._secret(text)
        if text.startswith("arn:"):
            return secret
        targets = [secret] if secret.arns else []
        targets += [self._of_provider(provider) for provider in self._providers_by_name(text)]
        if len(targets) > 1:
            arns = [arn for target in targets for arn in target.arns]
            raise Misused(f"{text} is the name of several. Say which: {', '.join(arns)}")
        return targets[0] if targets else secret

    def _secret(self, text: str) -> Target:
        try:
            secret = SecretId.parse(text, account=self._everything.account, region=self._everything.region)
        except ValueError as error:
            raise Misused(f"{text!r} is not the name or ARN of a secret or a provider.") from error

        def look() -> list[ReferenceState]:
            return sorted(self._references.of_secret(secret), key=lambda state: state.reference)

        arns = {state.reference.secret_arn for state in look()} or {secret.arn} - {None}
        return Target(text, tuple(sorted(arn for arn in arns if arn)), look)

    def _providers_by_name(self, text: str) -> list[Provider]:
        place = self._everything.account, self._everything.region
        found = [self._providers.find(ProviderName(*place, kind, text)) for kind in ProviderKind]
        return [known.provider for known in found if known]

    def _provider_by_arn(self, arn: str) -> Target:
        known = self._providers.known(self._everything)
        provider = next((one.provider for one in known if one.provider.arn == arn), None)
        return self._of_provider(provider) if provider else Target(arn, (arn,), list)

    def _of_provider(self, provider: Provider) -> Target:
        def look() -> list[ReferenceState]:
            """Read the provider's record anew: it may point elsewhere meanwhile."""
            known = self._providers.find(provider.name)
            references = sorted(known.provider.references) if known else []
            return [state for one in references if (state := self._references.find(one))]

        return Target(provider.name.name, (provider.arn,), look)


def nobody(name: str) -> str:
    """Why nothing can be said of it."""
    return (
        f"No provider that Secretwatch knows is called {name}, or references a secret of that name or ARN."
        " A provider that is new is found within seconds, or else by the next sweep."
    )
