"""Owns whether lists may go out, by what a back-test found; it must not measure."""

from __future__ import annotations

# Queries below which a back-test proves nothing: the 95 % interval of a share is wider than 20 points.
MIN_QUERIES = 100
# What new parameters may lose against those in use, as a share of NDCG@10.
TOLERANCE = 0.02


def verdict(
    against: dict[str, tuple[float, float, float]],
    n_queries: int,
    against_before: tuple[float, float, float] | None = None,
) -> tuple[bool, str]:
    """May the lists go out, and why.

    Not when they are worse than the simple best beyond chance, nor when the parameters in use until now would
    have done more than `TOLERANCE` better, beyond chance too.
    """
    if not against or n_queries < MIN_QUERIES:
        return True, (
            "Nothing is proven, so nothing was refused: shared words, pairs seen in at least two orders, and "
            "bestsellers place the products."
        )
    for name, (difference, _, high) in against.items():
        if high < 0:
            return False, (
                f"On this shop's own newest orders the lists are worse than the best simple method "
                f"({name} {difference:+.3f}, certainly below 0)."
            )
    if against_before is not None and against_before[0] < -TOLERANCE and against_before[2] < 0:
        return False, (
            f"On this shop's own newest orders the new settings are {-against_before[0]:.1%} worse than those in "
            "use: the lists in use stay."
        )
    difference, low, high = against["hr10"]
    found = "Better than" if low > 0 else "Not proven to differ from"
    return True, f"{found} the best simple method (hr10 {difference:+.3f}, {low:+.3f} to {high:+.3f})."
