"""Several hosts of phones with one database: which host drives which phone, and what became of a silent one.

Imported only when the database is PostgreSQL. On one host with SQLite nothing of this is loaded.
"""
