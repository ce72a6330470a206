"""The environment that Lambda would give, and nothing of the developer's own AWS."""

import os

from hypothesis import settings

# Far more examples than a run of all tests has time for: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", max_examples=100_000, deadline=None)

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="eu-west-1",
    POWERTOOLS_SERVICE_NAME="secretwatch",
    POWERTOOLS_METRICS_NAMESPACE="Secretwatch",
)
