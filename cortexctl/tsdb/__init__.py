"""The bytes of one block: its id and its meta.json. Pure."""
