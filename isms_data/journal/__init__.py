"""The durable record: what was paid for and what came of it, who must not be written to, which contacts are saved.

One SQLite file in a folder of its own; the SQL of the project is in this package and nowhere else. `file` opens it and
makes transactions, `migrations` has its tables, and each further module keeps one kind of record: `calls` what is paid
for, `campaigns` the messages of a campaign, `reports` what comes back about them, `suppression` and `contacts` the two
lists. `standing` says what a record is worth to a run; it touches nothing.
"""
