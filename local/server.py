"""The embedded AWS's process: MiniStack, with AgentCore from moto in it and CloudTrail's events.

Runs in MiniStack's own environment, configured by the environment variables that ``local.stack`` sets.
"""

import sys
from pathlib import Path

from botocore.loaders import Loader
from ministack import app

from local import agentcore_service, ministack_patches, recorder, stack


def main(state_dir: Path) -> None:
    """Say who serves, then serve until told to stop."""
    stack.announce(state_dir)
    Loader.CUSTOMER_DATA_PATH = str(stack.models_in(state_dir))  # moto and botocore look there first
    ministack_patches.apply()
    agentcore_service.install(app)
    recorder.install(app)
    app.main()


if __name__ == "__main__":
    main(Path(sys.argv.pop()))  # MiniStack reads arguments of its own
