"""What a user could write in an afternoon, beside `bulk check`."""
