"""Cells of any sort, drawn by hypothesis."""

from hypothesis import strategies as st

from gates.panes import CLASSES, NO_DETAIL, NO_HALVES, NOTHING, SAMPLE_SIZE, Cell, Detail, smallest
from gates.stats.histogram import Histogram
from gates.stats.value_counts import ValueCounts

counts = st.integers(0, 1_000)
hashes = st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 60), max_size=2 * SAMPLE_SIZE)
metrics = st.dictionaries(st.sampled_from(["cost", "lag_ms", "score"]), st.lists(st.floats(-1e9, 1e9), min_size=1))

details = st.builds(
    Detail,
    succeeded=counts,
    failed=counts,
    users=hashes.map(smallest),
    halves=st.tuples(*[counts] * len(NO_HALVES)),
    metrics=metrics.map(lambda known: {name: ValueCounts.of(values) for name, values in known.items()}),
    emitters=hashes.map(smallest),
) | st.just(NO_DETAIL)

cells = st.builds(
    Cell,
    st.tuples(*[counts] * len(CLASSES)),
    st.lists(st.floats(0.0, 1e6)).map(Histogram.of),
    details,
) | st.just(NOTHING)
