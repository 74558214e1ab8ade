"""What prompts cost: system prompts by feature as captured requests have them, and what a change to one does. Pure.

said ▸ counting (bytes → tokens)  ▸ audit ▸ what each prompt costs, and what in it could go
                volume (calls, prices) ┘
                                       ▸ diff  ▸ what a changed prompt does to the cost of a month
"""
