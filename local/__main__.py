"""`python -m local up|stop|env|status`: the embedded AWS by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import stack
from local.stack import EmbeddedAws, EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = """\
Then, for example:
  aws secretsmanager create-secret --name weather --secret-string '{"apiKey": "an example"}'
  aws bedrock-agentcore-control create-api-key-credential-provider --name weather \\
    --api-key-secret-source EXTERNAL --api-key-secret-config secretId=weather,jsonKey=apiKey
  aws secretsmanager put-secret-value --secret-id weather --secret-string '{}'
AgentCore fails when asked to, here three times (see local.agentcore_identity.Controls):
  curl -d '{"operation": "GetApiKeyCredentialProvider", "code": "ThrottlingException", "times": 3}' \\
    $AWS_ENDPOINT_URL/_local/agentcore/fail
End it with `make local-stop`."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except EmbeddedAwsError as error:
        print(error, file=sys.stderr)
        return 1


def up(options: argparse.Namespace) -> int:
    """Start the embedded AWS unless it runs, deploy to it, and leave it running."""
    aws = stack.running(options.state_dir)
    if aws is None:
        port = options.port or (stack.USUAL_PORT if stack.is_free(stack.USUAL_PORT) else None)
        aws = stack.start(port, options.state_dir)
        print(f"The embedded AWS runs at {aws.endpoint}, process {aws.pid}, log {aws.state_dir / 'server.log'}")
    else:
        print(f"The embedded AWS runs already, at {aws.endpoint}")
    outputs = stack.deploy(aws, {**stack.PARAMETERS, **dict(options.parameters)}, report=print)
    for name, value in sorted(outputs.items()):
        print(f"  {name}: {value}")
    print("\nPaste this:")
    _print_environment(aws)
    print(f"\n{EXAMPLES}")
    return 0


def stop(options: argparse.Namespace) -> int:
    """End the embedded AWS, if one runs."""
    print("The embedded AWS ended." if stack.stop(options.state_dir) else "No embedded AWS runs.")
    return 0


def env(options: argparse.Namespace) -> int:
    """Print the environment to paste."""
    aws = stack.running(options.state_dir)
    if aws is None:
        raise EmbeddedAwsError("no embedded AWS runs")
    _print_environment(aws)
    return 0


def status(options: argparse.Namespace) -> int:
    """Say whether an embedded AWS runs; exit 1 when not."""
    aws = stack.running(options.state_dir)
    print(f"The embedded AWS runs at {aws.endpoint}, process {aws.pid}." if aws else "No embedded AWS runs.")
    return 0 if aws else 1


def _print_environment(aws: EmbeddedAws) -> None:
    print("unset AWS_PROFILE AWS_SESSION_TOKEN")
    for name, value in aws.environment().items():
        print(f"export {name}={value}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description="The embedded AWS.")
    parser.add_argument("--state-dir", type=Path, default=stack.STATE_DIR, help="where it keeps its state and logs")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (up, stop, env, status):
        parsed = commands.add_parser(command.__name__, help=command.__doc__, description=command.__doc__)
        parsed.set_defaults(command=command)
        if command is up:
            parsed.add_argument("--port", type=int, help=f"by default {stack.USUAL_PORT} if free, else any free one")
            parsed.add_argument("parameters", nargs="*", type=_parameter, metavar="NAME=VALUE", help="of the template")
    return parser


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not (name and separator):
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
