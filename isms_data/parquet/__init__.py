"""How frames become Parquet files and folders, and come back as they were; `isms_data.tables` is the door."""
