"""The page: runs in a browser, served from this machine or frozen into files."""
