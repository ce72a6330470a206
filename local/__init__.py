"""The embedded AWS: one process that deploys and runs the unchanged template on one machine."""
