"""Repair: the smallest change of a policy that lets its readers in again, planned before anything is written."""
