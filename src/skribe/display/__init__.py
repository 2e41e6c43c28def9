"""Records as text and as HTML. Pure: nothing here reads a store."""
