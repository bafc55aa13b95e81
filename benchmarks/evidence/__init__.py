"""How far the gate's evidence can be trusted on traffic whose errors come together: the rules of before and of now.

`python -m benchmarks.evidence` simulates the whole gate and rewrites the tables of docs/judges.md.
"""
