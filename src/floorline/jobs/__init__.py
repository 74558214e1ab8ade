"""What runs over the ledger: imports, reports, re-rating."""
