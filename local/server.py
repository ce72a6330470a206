"""The embedded AWS's process: MiniStack, mended, with AgentCore from moto in it, CloudTrail's events and quotas.

Runs in MiniStack's own environment, configured by the environment variables that ``local.stack`` sets.
"""

import sys
from pathlib import Path

from botocore.loaders import Loader
from ministack import app

from local import (
    agentcore_identity,
    agentcore_service,
    controls,
    kms_patches,
    ministack_patches,
    recorder,
    secretsmanager_patches,
    sns_patches,
    stack,
    throttling,
)
from local.controls import Methods


def main(state_dir: Path) -> None:
    """Say who serves, then serve until told to stop."""
    stack.announce(state_dir)
    Loader.CUSTOMER_DATA_PATH = str(stack.models_in(state_dir))  # moto and botocore look there first
    for patches in (ministack_patches, kms_patches, secretsmanager_patches, sns_patches):
        patches.apply()
    agentcore_service.install(app)
    throttling.install(app)
    recorder.install(app)
    controls.install(
        app,
        {
            "agentcore": agentcore_identity.controls,
            "events": Methods(recorder.put_event),
            "kms": Methods(recorder.delete_key),
            "quotas": Methods(throttling.quotas.impose, throttling.quotas.lift, throttling.quotas.counts),
            "secretsmanager": Methods(
                secretsmanager_patches.attach_policy,
                secretsmanager_patches.detach_policy,
                secretsmanager_patches.amend,
                recorder.fail_rotation,
            ),
            "sns": Methods(sns_patches.confirm),
        },
    )
    app.main()


if __name__ == "__main__":
    main(Path(sys.argv.pop()))  # MiniStack reads arguments of its own
