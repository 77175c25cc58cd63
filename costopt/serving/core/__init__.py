"""The discrete-event simulation of one replica."""
