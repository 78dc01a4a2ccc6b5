"""What happens to files on their way, one small function a mishap, by what it happens to."""
