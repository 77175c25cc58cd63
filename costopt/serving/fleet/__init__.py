"""Several replicas behind one router: which of them a request goes to, and how many there must be."""
