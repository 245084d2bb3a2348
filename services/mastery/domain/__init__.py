"""The pure heart of mastery: facts, rules, evaluation and the thresholds they cause; no clock, no I/O, no chance."""
