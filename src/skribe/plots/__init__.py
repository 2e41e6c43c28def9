"""A search as views: data first, from its records and without a refit; drawing them is a second, optional step."""
