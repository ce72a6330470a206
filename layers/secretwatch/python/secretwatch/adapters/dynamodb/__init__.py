"""The Registry, one Amazon DynamoDB table.

| pk | sk | what | module |
|---|---|---|---|
| SECRET#<arn> | REF#<provider arn>#<field> | a reference and its state | references |
| NAME#<account>#<region>#<name> | <secret arn>#<provider arn>#<field> | the same, by the secret's name | references |
| SECRET#<partial arn> | NAME#<secret arn>#<provider arn>#<field> | the same, if that reads as full | references |
| PROVIDERNAME#<account>#<region>#<kind> | <name> | a provider as last read | providers |
| GATEWAYID#<account>#<region> | <gateway id> | a gateway as last read | gateways |
| PROVIDER#<provider arn> | CONSUMER#<gateway arn>#<target id> | a consumer of the provider | gateways |
| KEY#<key or alias arn> | SECRET#<secret arn> | a secret that the key protects; expires unless renewed | keys |
| SWEEP#<account>#<region> | STATE | the sweep that runs or ran last, and how far it has come | sweeps |
| WAIVER#<secret or provider arn>#<code> | STATE | a finding that is waived; expires | waivers |
| REPAIR#<id> | STATE | a plan and what became of it | repairs |
| REPAIRS#<secret or key arn> | STATE | what is known of a policy that was repaired, or shall be | repairs |
| REPAIRS#<secret or key arn> | LEASE | who changes that policy just now; expires | repairs |
| REPAIRS#<secret or key arn> | BUDGET#<hour> | how many repairs began in that hour; expires | repairs |
| BREAKER | STATE | whether repairs stop for the whole stack | repairs |
| BREAKER | BROKEN#<secret or key arn> | when the policy last asked for a repair; expires | repairs |
| AUDIT#<secret or key arn> | <time>#<repair id> | a change of the policy that we made; kept for good | repairs |
| ONBOARDING#<id> | STATE | an onboarding, and what became of it; expires once it is long over | onboardings |
| ONBOARDING#<id> | OFFBOARDING | the removal of a provider; expires once it is long over | onboardings |
| ONBOARDINGS#<account>#<region>#<kind> | <name> | which execution works on that provider | onboardings |
| INCIDENT#<cause> | STATE | its last incident; expires once it is long over | incidents |
| INCIDENT#<cause> | PART#<secret arn>#<provider arn>#<field> | a reference's part in it; expires | incidents |
| INVOLVED#<secret arn> | <cause> | an open incident of which the secret's references are part | incidents |
| DIGEST#<id> | STATE | many incidents that are told as one; expires once it is long over | digests |
| ALERTS | FIRST | when the first news came | incidents |
"""

from secretwatch.adapters.dynamodb.digests import DynamoDbDigests
from secretwatch.adapters.dynamodb.gateways import DynamoDbConsumers, DynamoDbGatewayRecords
from secretwatch.adapters.dynamodb.incidents import DynamoDbIncidents
from secretwatch.adapters.dynamodb.keys import DynamoDbProtectedSecrets
from secretwatch.adapters.dynamodb.onboardings import DynamoDbOnboardings
from secretwatch.adapters.dynamodb.providers import DynamoDbProviderRecords
from secretwatch.adapters.dynamodb.references import DynamoDbReferences, item_of, state_of
from secretwatch.adapters.dynamodb.repairs import DynamoDbRepairs
from secretwatch.adapters.dynamodb.sweeps import SWEEP_PREFIX, DynamoDbSweeps, sweep_item, sweep_of
from secretwatch.adapters.dynamodb.table import plain
from secretwatch.adapters.dynamodb.waivers import DynamoDbWaivers

__all__ = [
    "SWEEP_PREFIX",
    "DynamoDbConsumers",
    "DynamoDbDigests",
    "DynamoDbGatewayRecords",
    "DynamoDbIncidents",
    "DynamoDbOnboardings",
    "DynamoDbProtectedSecrets",
    "DynamoDbProviderRecords",
    "DynamoDbReferences",
    "DynamoDbRepairs",
    "DynamoDbSweeps",
    "DynamoDbWaivers",
    "item_of",
    "plain",
    "state_of",
    "sweep_item",
    "sweep_of",
]
