"""Work without a live pipeline: replay, backtest, simulation and policy tests."""
