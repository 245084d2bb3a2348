"""Three services in one process, stepped by one seeded scheduler over a faulty log, and checked at rest."""
