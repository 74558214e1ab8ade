"""Which cheaper model may serve which feature and step: proven on the company's own comparisons, acted on by certificate alone.

comparisons ▸ operating (how far calls may go to the cheaper model with the bar held) ▸ adopting, scoring (labels → certificate) ▸ step
"""
