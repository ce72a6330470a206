"""The only importers of boto3: each keeps the promise of a port, or translates the failure."""
