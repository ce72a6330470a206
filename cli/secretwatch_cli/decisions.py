"""What a person decides, sent to the stack in the person's own name: IAM lets it in or not."""

import json
import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session

from secretwatch_cli.aws import told
from secretwatch_cli.failures import Misused, Unable
from secretwatch_cli.stack import Stack

_TIMEOUT_SECONDS = 20
_NOT_ALLOWED, _MISUSED, _REFUSED = 403, 400, 400


@dataclass(frozen=True, slots=True)
class Matter:
    """What is decided about: IAM says for each who may."""

    plural: str
    output: str
    function: str


REPAIRS = Matter("repairs", "DecisionsUrl", "DecideRepair")
ONBOARDINGS = Matter("onboardings", "OnboardingDecisionsUrl", "DecideOnboarding")


class Decisions:
    """The Function URL of a stack for one matter, signed for as the profile's identity."""

    def __init__(self, stack: Stack, profile: str | None, matter: Matter = REPAIRS) -> None:
        """Raises Unable when the stack has no such URL."""
        self._url = stack.output(matter.output)
        self._matter = matter
        self._region = stack.region
        self._profile = profile

    def ask(self, wish: str, **named: str | None) -> str:
        """What the stack answers; raises Unable with its reason when it is not granted."""
        with told():
            status, text = self._send(json.dumps({"wish": wish, **named}))
        message = _message(text)
        if message is None:
            raise Unable(self._no_answer(status))
        if status == _MISUSED:
            raise Misused(message)
        if status > _REFUSED:
            raise Unable(message)
        return message

    def _no_answer(self, status: int) -> str:
        """Why nobody whom we know answered: AWS itself turns away whom IAM does not let in."""
        matter = self._matter
        if status == _NOT_ALLOWED:
            needed = f"lambda:InvokeFunctionUrl on {matter.function}"
            return f"You may not decide about {matter.plural} (403). Ask for {needed}."
        return f"The stack's URL answered {status}, and not as {matter.function} does."

    def _send(self, body: str) -> tuple[int, str]:
        credentials = boto3.Session(profile_name=self._profile).get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest("POST", self._url, data=body, headers={"content-type": "application/json"})
        if elsewhere := os.environ.get("AWS_ENDPOINT_URL"):  # as AWS's own tools read it
            host = self._url.removeprefix("https://").removeprefix("http://").rstrip("/")
            request = AWSRequest("POST", f"{elsewhere}/", data=body, headers={**dict(request.headers), "Host": host})
        SigV4Auth(credentials.get_frozen_credentials(), "lambda", self._region).add_auth(request)
        answer: Any = URLLib3Session(timeout=_TIMEOUT_SECONDS).send(request.prepare())
        return int(answer.status_code), str(answer.text)


def _message(text: str) -> str | None:
    """What the function says, and it says nothing else; None for an answer of AWS's own."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    match answer:
        case {"message": str(message)} if len(answer) == 1:
            return message
    return None
