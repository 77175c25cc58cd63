"""What people deploy, as presets: one file each."""
