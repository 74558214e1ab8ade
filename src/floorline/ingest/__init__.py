"""What comes from outside becomes records: files of rows, Stripe exports. Parsing is pure; `jobs.importing` writes."""
