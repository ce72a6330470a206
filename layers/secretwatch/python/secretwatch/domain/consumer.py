"""Consumers: gateways, and the targets by which they use providers."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class GatewayName:
    """What a gateway is asked for by: its id, unique within its account and Region."""

    account: str
    region: str
    gateway_id: str


@dataclass(frozen=True, slots=True, order=True)
class Consumer:
    """A gateway's target that uses a provider."""

    provider_arn: str
    target_id: str
    target: str
    gateway: str
    gateway_arn: str
    role_arn: str | None


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway as AgentCore describes it.

    A `settling` one, or one of its targets, is still being made, changed or deleted.
    """

    name: GatewayName
    arn: str
    consumers: frozenset[Consumer]
    settling: bool = field(default=False, compare=False)
