"""Tests, by promise: specs, laws, edges, conformance, contracts, simulation, system."""
