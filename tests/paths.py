"""Where the project is: tests name files of docs, examples and deploy by `ROOT`, wherever the test itself lies."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT_POLICY = ROOT / "examples" / "policies" / "checkout-v2.yaml"
