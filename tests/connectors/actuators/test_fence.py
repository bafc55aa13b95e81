"""The fence: what is applied only grows, whatever the order in which messages come."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from connectors.actuators.fence import Fence, Ruling
from connectors.actuators.wanted import Token


@dataclass(frozen=True)
class Order:
    """A decision (`expires_at` None) or a command, whether it rolls back, and whether applying it would fail."""

    token: Token
    expires_at: int | None
    rollback: bool
    fails: bool


tokens = st.builds(Token, st.integers(1, 3), st.integers(1, 6))


@st.composite
def deliveries(draw: st.DrawFn) -> list[Order]:
    """Any interleaving, repetition and reordering of a gate's decisions and commands."""
    rollbacks = draw(st.sets(tokens, max_size=4))
    one = st.builds(
        lambda token, expires_at, fails: Order(
            token, expires_at if token in rollbacks else None, token in rollbacks, fails
        ),
        tokens,
        st.none() | st.integers(0, 40),
        st.booleans(),
    )
    return draw(st.lists(one, max_size=40))


def run(orders: list[Order]) -> tuple[list[Ruling], list[Order]]:
    """Give each order to the fence, the clock moving one millisecond each; the rulings, and what was applied."""
    fence, rulings, applied = Fence(), [], []
    for now, order in enumerate(orders):
        ruling = fence.rule(order.token, order.expires_at, now)
        rulings.append(ruling)
        if ruling is Ruling.APPLY and not order.fails:
            applied.append(order)
        fence = fence.after(
            order.token, applied=ruling is Ruling.REPEAT or (ruling is Ruling.APPLY and not order.fails)
        )
    return rulings, applied


@given(deliveries())
def test_applied_tokens_strictly_increase(orders: list[Order]) -> None:
    """Nothing is applied twice, nothing after something newer."""
    _rulings, applied = run(orders)
    found = [order.token for order in applied]
    assert found == sorted(set(found))


@given(deliveries())
def test_after_a_rollback_nothing_earlier_of_its_epoch(orders: list[Order]) -> None:
    """Even where the rollback itself failed, or came too late."""
    rulings, _applied = run(orders)
    rolled_back: dict[int, int] = {}
    for order, ruling in zip(orders, rulings, strict=True):
        if ruling is Ruling.APPLY:
            assert order.token.sequence >= rolled_back.get(order.token.epoch, 0)
        if order.rollback:
            known = rolled_back.get(order.token.epoch, 0)
            rolled_back[order.token.epoch] = max(known, order.token.sequence)


@given(deliveries())
def test_each_ruling_has_its_cause(orders: list[Order]) -> None:
    """Stale is older than the newest seen, a repeat was applied, expired is past its time, the rest is applied."""
    rulings, _applied = run(orders)
    seen: list[Token] = []
    done: set[Token] = set()
    for now, (order, ruling) in enumerate(zip(orders, rulings, strict=True)):
        if order.token < max(seen, default=order.token):
            assert ruling is Ruling.STALE
        elif order.token in done:
            assert ruling is Ruling.REPEAT
        elif order.expires_at is not None and now > order.expires_at:
            assert ruling is Ruling.EXPIRED
        else:
            assert ruling is Ruling.APPLY
            done |= set() if order.fails else {order.token}
        seen.append(order.token)


@given(deliveries())
def test_the_newest_is_in_force_once_all_came_in_order(orders: list[Order]) -> None:
    """In order, without failures or expiry, every different order is applied."""
    orderly = [Order(token, None, False, False) for token in sorted(order.token for order in orders)]
    _rulings, applied = run(orderly)
    assert [order.token for order in applied] == sorted({order.token for order in orders})
