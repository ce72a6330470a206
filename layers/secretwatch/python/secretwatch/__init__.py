"""Secretwatch: notices when a secret stops serving the AgentCore credential providers that reference it."""
