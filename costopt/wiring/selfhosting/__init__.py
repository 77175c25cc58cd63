"""`costopt selfhost predict` and `calibrate`: files, endpoints and profiles around the simulator."""
