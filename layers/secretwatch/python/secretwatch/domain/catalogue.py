"""What each finding means and how to mend it: the text of `secretwatch explain CODE` and of docs/operations.md."""

from collections.abc import Mapping
from dataclasses import dataclass

from secretwatch.domain.finding import Code


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding in words: what it means for the agents, and what mends it."""

    meaning: str
    mend: str


EXPLANATIONS: Mapping[Code, Explanation] = {
    Code.SECRET_NOT_FOUND: Explanation(
        "Secrets Manager knows no secret by the ARN that the provider holds. Agents cannot get the credential.",
        "Create the secret again and point the provider at its new ARN. A deleted secret never comes back under its old"
        " ARN: the six characters at the end are new each time.",
    ),
    Code.SECRET_RECREATED: Explanation(
        "The secret was deleted, and another one was created under the same name. The provider still holds the ARN of"
        " the old one, which ends in other characters.",
        "Point the provider at the new secret's ARN, which the finding names.",
    ),
    Code.SECRET_PENDING_DELETION: Explanation(
        "The secret is marked for deletion. It cannot be read any more, and goes for good on the date that is named.",
        "Restore it (`aws secretsmanager restore-secret`), or point the provider at another secret before that date.",
    ),
    Code.REGION_MISMATCH: Explanation(
        "The provider is in one Region and its secret in another. AgentCore reads secrets of its own Region only.",
        "Replicate the secret into the provider's Region and point the provider at the replica, or move one of them.",
    ),
    Code.NO_CURRENT_VERSION: Explanation(
        "No version of the secret is labelled AWSCURRENT, so there is no value to read.",
        "Label the version that should serve (`update-secret-version-stage`), or store a value.",
    ),
    Code.VALUE_NOT_JSON: Explanation(
        "The current value is not a JSON object, and AgentCore looks for a key in one.",
        "Make the previous version current again, if it would do; else store a JSON object with the key.",
    ),
    Code.JSON_KEY_MISSING: Explanation(
        "The current value is a JSON object without the key that the provider names: mostly a rotation that writes"
        " another form.",
        "Make the previous version current again, if it has the key (the vendor may have revoked it); then mend the"
        " rotation function. Or store a value with that key.",
    ),
    Code.JSON_KEY_NOT_A_STRING: Explanation(
        "Under the provider's JSON key stands a number, an object, a list, true, false or null, and no string.",
        "Store the credential as a JSON string under that key.",
    ),
    Code.JSON_KEY_EMPTY: Explanation(
        "Under the provider's JSON key stands an empty string.",
        "Store the credential under that key; if the previous version has it, make that one current again.",
    ),
    Code.READER_NOT_ALLOWED: Explanation(
        "No policy lets a required reader call GetSecretValue: the secret's own have no statement for it.",
        "Add the statement that the finding shows to the secret's resource policy. Where the policy is code, add it"
        " there: whoever writes the policy next replaces it whole.",
    ),
    Code.READER_UNPROVEN: Explanation(
        "By the policies that Secretwatch sees, the reader may not read the secret; yet AgentCore was seen reading it"
        " since they last changed. So something else lets it in.",
        "Nothing is broken. If you want it provable, add the statement that the finding shows; or take the reader out"
        " of the stack's RequiredReaders.",
    ),
    Code.READER_DENIED: Explanation(
        "A statement explicitly denies the reader. No Allow outweighs it, and Secretwatch never touches it.",
        "Ask the statement's owner to except the reader: for AgentCore itself by the condition"
        " aws:PrincipalIsAWSService, for a role by aws:PrincipalArn.",
    ),
    Code.READER_DEPENDS: Explanation(
        "Whether the reader may read hangs on parts of the request that nobody outside AWS can know beforehand. The"
        " finding names the context keys.",
        "Allow the reader in a statement that does not hang on those keys, or whose condition ends in IfExists. An"
        " observed read settles it too.",
    ),
    Code.POLICY_INVALID: Explanation(
        "A policy of the secret or of its key is not understood: not JSON, an unknown operator, a missing part. What it"
        " allows cannot be told, and is never guessed.",
        "Mend the document where the finding says, or check it with `aws secretsmanager validate-resource-policy`.",
    ),
    Code.KEY_DISABLED: Explanation(
        "The KMS key that encrypts the secret is disabled, or in another state in which it decrypts nothing.",
        "Enable the key (`aws kms enable-key`), or store the value anew under another key.",
    ),
    Code.KEY_PENDING_DELETION: Explanation(
        "The KMS key that encrypts the secret is marked for deletion. It decrypts nothing, and once it is gone, neither"
        " do the values under it come back.",
        "Cancel the deletion (`aws kms cancel-key-deletion`), then enable the key.",
    ),
    Code.KEY_NOT_FOUND: Explanation(
        "KMS knows no key by the id or alias that the secret records.",
        "If an alias is missing, create it again for the same key. A deleted key does not come back: store the value"
        " anew under another one.",
    ),
    Code.KEY_NOT_ALLOWED: Explanation(
        "Neither the key's policy nor a grant lets a required reader decrypt through Secrets Manager.",
        "Add the statement that the finding shows to the key's policy.",
    ),
    Code.CROSS_ACCOUNT_DEFAULT_KEY: Explanation(
        "The secret belongs to another account and is under aws/secretsmanager, which serves its own account only.",
        "Encrypt the secret with a customer managed key, and let the provider's account use it.",
    ),
    Code.PROVIDER_FAILED: Explanation(
        "AgentCore itself says that creating or updating the provider failed, and why.",
        "Mend what it names, then update the provider with its whole configuration, or create it anew.",
    ),
    Code.PROVIDER_GONE: Explanation(
        "The provider was deleted while somebody still asks about it.",
        "Create it again, or remove it from the gateway targets and agents that name it.",
    ),
    Code.OBSERVED_READ_DENIED: Explanation(
        "CloudTrail shows that AgentCore itself tried to read the secret and was refused, and that nothing has changed"
        " since.",
        "See what else is found of the reference. If nothing is: the policies of the role that it read for, service"
        " control policies and resource control policies, which Secretwatch cannot see.",
    ),
    Code.ROTATION_FAILED: Explanation(
        "The last rotation failed. The old value still serves, until its vendor lets it expire.",
        "See the rotation function's log, mend it, and rotate again (`aws secretsmanager rotate-secret`).",
    ),
    Code.ROTATION_OVERDUE: Explanation(
        "The secret should have rotated by now: by its own schedule, or by the greatest age that the stack allows.",
        "See why the rotation does not run, then rotate.",
    ),
    Code.ROTATION_OFF: Explanation(
        "The stack requires rotation, and the secret has none.",
        "Give the secret a rotation function and a schedule; or waive the finding with a reason.",
    ),
    Code.TAG_MISSING: Explanation(
        "The stack requires a tag that the secret lacks.",
        "Tag the secret (`aws secretsmanager tag-resource`).",
    ),
    Code.TAG_VALUE_NOT_ALLOWED: Explanation(
        "A required tag of the secret has a value that the stack's RequiredTags does not list.",
        "Give the tag one of the listed values.",
    ),
    Code.KEY_NOT_CUSTOMER_MANAGED: Explanation(
        "The stack requires a customer managed key, and the secret is under aws/secretsmanager.",
        "Let the readers use a key of yours, then encrypt the secret with it (`aws secretsmanager update-secret`).",
    ),
    Code.POLICY_TOO_BROAD: Explanation(
        "The secret's policy lets in more than is needed: anybody, AgentCore for any account, or AgentCore to write.",
        "Narrow the statement to secretsmanager:GetSecretValue for bedrock-agentcore.amazonaws.com, on the condition"
        " that aws:SourceAccount is yours.",
    ),
}
