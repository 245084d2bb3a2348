"""Traffic over every door that takes evidence, by senders that stumble and do not give up."""
