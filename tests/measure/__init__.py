"""Tools that measure imports on a local stack: AWS calls, time, memory and cold starts."""
