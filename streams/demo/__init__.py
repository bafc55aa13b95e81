"""The demo: a rollout with real HTTP traffic, on this machine alone.

`run` starts a broker, a worker, two upstreams, a router and a load generator as child processes (`processes`), starts a
rollout as an operator would, injects the scenario's fault (`scenario`), shows what happens (`screen`, `panels`) and
checks whether the rollout ended as the scenario must (`result`). `scenario`, `state`, `result`, `panels` and `routing`
are pure; the rest reads clocks, starts processes and talks to them.
"""
