"""Pictures of Skull King: functions from figures to the bytes of a PNG file."""
