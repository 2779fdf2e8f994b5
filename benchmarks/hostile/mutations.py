"""Changes of a file or a request at random places, always the same ones for a seed."""

import random
import zlib
from collections.abc import Callable, Iterator

LONGEST = 64  # bytes of a block that is inserted, removed or doubled
NUMBERS = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)  # bytes that often stand at a limit
PNG = b"\x89PNG\r\n\x1a\n"

Mutation = Callable[[random.Random, bytearray], bytearray]


def flipped(rng: random.Random, content: bytearray) -> bytearray:
    """Flip one to eight bits."""
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return content


def flipped_in_the_head(rng: random.Random, content: bytearray) -> bytearray:
    """Flip a bit where formats have sizes and kinds."""
    content[rng.randrange(min(len(content), 64))] ^= 1 << rng.randrange(8)
    return content


def set_to_a_limit(rng: random.Random, content: bytearray) -> bytearray:
    """Set up to four bytes in a row to a number at a limit."""
    at = rng.randrange(len(content))
    for place in range(at, min(at + rng.randint(1, 4), len(content))):
        content[place] = rng.choice(NUMBERS)
    return content


def cut(rng: random.Random, content: bytearray) -> bytearray:
    return content[: rng.randrange(len(content))]


def removed(rng: random.Random, content: bytearray) -> bytearray:
    start, end = _block(rng, content)
    return content[:start] + content[end:]


def doubled(rng: random.Random, content: bytearray) -> bytearray:
    """Repeat a block up to a thousand times."""
    start, end = _block(rng, content)
    return content[:end] + content[start:end] * rng.choice((1, 2, 1000)) + content[end:]


def inserted(rng: random.Random, content: bytearray) -> bytearray:
    at = rng.randrange(len(content))
    return content[:at] + rng.randbytes(rng.randint(1, LONGEST)) + content[at:]


def exchanged(rng: random.Random, content: bytearray) -> bytearray:
    """Let two blocks change places."""
    start, end = _block(rng, content)
    other, other_end = _block(rng, content)
    if other < end:
        return content[:start] + content[end:] + content[start:end]
    middle = content[end:other]
    return (
        content[:start]
        + content[other:other_end]
        + middle
        + content[start:end]
        + content[other_end:]
    )


ALL: tuple[Mutation, ...] = (
    flipped,
    flipped_in_the_head,
    set_to_a_limit,
    cut,
    removed,
    doubled,
    inserted,
    exchanged,
)


def mutations(content: bytes, count: int, others: list[bytes], seed: int) -> Iterator[bytes]:
    """Return mutations of `content`, some of them joined with a part of another format.

    The checksums of every other mutation of a PNG are right, or nothing behind them is reached.
    """
    rng = random.Random(seed)
    for number in range(count):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 2)):
            changed = rng.choice(ALL)(rng, changed) or changed
        if number % 10 == 0:
            other = rng.choice(others)
            at = rng.randrange(len(changed))
            changed = bytearray(other[: rng.randrange(len(other))] + changed[at:])
        yield with_checksums(bytes(changed)) if number % 2 else bytes(changed)


def with_checksums(content: bytes) -> bytes:
    """Return a PNG with the right checksum behind each chunk; anything else as it is."""
    if not content.startswith(PNG):
        return content
    parts, at = [PNG], len(PNG)
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        end = min(at + 8 + length, len(content) - 4)
        parts += [content[at:end], zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")]
        at = end + 4
    return b"".join([*parts, content[at:]])


def _block(rng: random.Random, content: bytearray) -> tuple[int, int]:
    start = rng.randrange(len(content))
    return start, min(start + rng.randint(1, LONGEST), len(content))
