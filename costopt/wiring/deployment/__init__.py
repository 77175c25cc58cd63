"""One file a kind of deployment file: what it proves about the checklist. Nothing is executed."""
