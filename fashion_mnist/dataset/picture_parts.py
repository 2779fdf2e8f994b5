"""The parts of a picture file, counted before a decoder reads them one by one in Python.

A file of many empty parts is small and takes a decoder seconds. Files of cameras, scanners and
programs have tens of parts, apart from those with the pixels.
"""

import re
from typing import NamedTuple

import numpy as np

JPEG, PNG, GIF = b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF8"
RIFF, WEBP = b"RIFF", b"WEBP"  # a WebP's first bytes, and those after its length
MAX_PARTS = 10_000  # each takes a decoder some microseconds
MAX_PNG_CHUNKS = 100  # without pixels; each may be a compressed megabyte
# Before the first scan; a decoder that joins segments of a kind copies all for each one.
MAX_JPEG_SEGMENTS, MAX_EXIF_SEGMENTS = 500, 20
MAX_RESOURCES = 10_000  # of Photoshop, within segments
# Bytes FF: about one of 256, and one for each restart, which photographs have a million at most.
# Of the first bytes, because a phone may put a film behind its picture.
MAX_JPEG_MARKS, MARKS_COUNTED_IN = 1_000_000, 100_000_000
_PNG_PIXELS = (b"IDAT", b"fdAT", b"fcTL")
# Marker of a segment that has a length: not stuffing (00), fill (FF) or a restart (D0 to D7).
_JPEG_SEGMENT = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_MARK, _SCAN, _END = 0xFF, b"\xda", b"\xd9"
_GIF_IMAGE, _GIF_EXTENSION = b",", b"!"


class Parts(NamedTuple):
    """What a file is made of.

    scans: passes over the pixels, 1 but in a progressive JPEG; are_too_many: whether there are more
    parts than any camera or program writes, where counting stops.
    """

    scans: int
    are_too_many: bool


def count(content: bytes) -> Parts:
    """Count the parts of a picture file; a BMP has none that cost much."""
    if content.startswith(JPEG):
        return _of_jpeg(content)
    if content.startswith(PNG):
        return Parts(1, _are_too_many_in_png(content))
    if content.startswith(GIF):
        return Parts(1, _are_too_many_in_gif(content))
    if content.startswith(RIFF) and content.startswith(WEBP, 8):
        return Parts(1, _are_too_many_in_webp(content))
    return Parts(1, False)


def _of_jpeg(content: bytes) -> Parts:
    """Count up to the end of the first image, because nothing behind it is decoded.

    Only bytes FF are also counted behind it. Source: ITU-T T.81, annex B.
    """
    first_bytes = np.frombuffer(content, np.uint8)[:MARKS_COUNTED_IN]
    if np.count_nonzero(first_bytes == _MARK) > MAX_JPEG_MARKS:
        return Parts(1, True)
    scans = parts = segments = fill = exif = 0
    position = len(JPEG)
    while parts <= MAX_PARTS and (found := _JPEG_SEGMENT.search(content, position)):
        if found[1] == _END:
            break
        parts += 1
        if not scans:
            segments += 1
            fill += found.start() - position
            exif += content.startswith(b"Exif", found.end() + 2)
        scans += found[1] == _SCAN
        position = found.end() + int.from_bytes(content[found.end() : found.end() + 2], "big")
    are_too_many = (
        parts > MAX_PARTS
        or fill > MAX_PARTS
        or segments > MAX_JPEG_SEGMENTS
        or exif > MAX_EXIF_SEGMENTS
        or content.count(b"8BIM") > MAX_RESOURCES
    )
    return Parts(scans, are_too_many)


def _are_too_many_in_png(content: bytes) -> bool:
    """Source: PNG specification, 5.3."""
    pixels = others = 0
    position = len(PNG)
    while position < len(content) and pixels <= MAX_PARTS and others <= MAX_PNG_CHUNKS:
        if content[position + 4 : position + 8] in _PNG_PIXELS:
            pixels += 1
        else:
            others += 1
        position += 12 + int.from_bytes(content[position : position + 4], "big")
    return pixels > MAX_PARTS or others > MAX_PNG_CHUNKS


def _are_too_many_in_gif(content: bytes) -> bool:
    """Count up to the first image, and its extensions' blocks. Source: GIF89a, appendix B."""
    parts, flags = 0, content[10] if len(content) > 10 else 0
    position = 13 + (3 * 2 ** (1 + (flags & 7)) if flags & 128 else 0)
    while position < len(content) and parts <= MAX_PARTS:
        kind = content[position : position + 1]
        if kind == _GIF_IMAGE:
            break
        parts += 1
        position += 2 if kind == _GIF_EXTENSION else 1
        if kind == _GIF_EXTENSION:
            while position < len(content) and (size := content[position]) and parts <= MAX_PARTS:
                parts += 1
                position += 1 + size
            position += 1
    return parts > MAX_PARTS


def _are_too_many_in_webp(content: bytes) -> bool:
    """Source: RFC 9649, 2.3."""
    parts, position = 0, 12
    while position < len(content) and parts <= MAX_PARTS:
        parts += 1
        length = int.from_bytes(content[position + 4 : position + 8], "little")
        position += 8 + length + length % 2
    return parts > MAX_PARTS
