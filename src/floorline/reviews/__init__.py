"""What a company looks at each week and each quarter. Pure."""
