"""Small layers with the parts of the contract and nothing else, for tests of the engine."""
