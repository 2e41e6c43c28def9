"""The embedded store: one SQLite file and a folder of artifacts. System of record, and outbox of every backend.

What is needed is imported from the module that has it (`skribe.store.journal.Journal`, `skribe.store.query.Query`,
...): a script that only fits does not pay for the code that reads.
"""
