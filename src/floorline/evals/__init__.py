"""How good an answer is: sets of cases, scorers, whether two answers are the same. Pure: models and judges are asked elsewhere.

sets (JSONL → cases) ▸ scorers (answer, case → score) ▸ summary (scores of several models → intervals, what is still needed, a recommendation)
sameness (two answers → the same, different, or for a judge to say)
"""
