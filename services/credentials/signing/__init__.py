"""From a document to a signature: quads, canonical form, Ed25519, and how keys are written."""
