"""The embedded AWS's process: MiniStack, with AgentCore from moto in it and CloudTrail's events.

Runs in MiniStack's own environment, configured by the environment variables that ``local.stack`` sets.
"""

from ministack import app

from local import agentcore_service, ministack_patches, recorder


def main() -> None:
    """Serve until told to stop."""
    ministack_patches.apply()
    agentcore_service.install(app)
    recorder.install(app)
    app.main()


if __name__ == "__main__":
    main()
