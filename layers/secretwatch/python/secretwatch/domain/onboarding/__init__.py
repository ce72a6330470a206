"""How a team's secret gets a provider: what is asked for, and what becomes of it."""
