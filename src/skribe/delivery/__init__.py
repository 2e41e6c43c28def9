"""Delivery: what is in the local store is sent to other backends, off the user's thread, in order, once."""
