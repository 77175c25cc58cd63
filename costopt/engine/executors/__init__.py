"""Who evaluates lists of layers: this process, several of this machine, or a cluster. Same bytes."""
