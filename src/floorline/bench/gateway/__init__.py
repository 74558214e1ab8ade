"""The gateway beside nginx and other gateways: same upstream, same requests, same run, each pinned to the same core.

`suite.run` owns the order of things, `targets` and `rivals` say what is started and how, `figures` is the arithmetic.
`upstream.c` answers as a model provider would, `load.c` sends the calls and compares every answer.
"""
