"""The demo: a rollout under real HTTP traffic, on this machine alone.

`run` starts the broker, a worker, two upstreams, a router and a load generator as processes that end with it
(`processes`), starts a rollout as an operator would, plays the scenario's fault (`scenario`), shows what happens
(`screen`) and says whether it was what the scenario promises (`outcome`). Only `routing`, `scene`, `scenario` and
`outcome` think; the rest does what they say.
"""
