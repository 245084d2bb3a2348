"""What the service keeps: learner streams opened, documents by digest, the control stream, dead letters."""
