"""Picture files without their metadata: what is wrong with these is not wrong with the picture."""

import hashlib
import io
import zlib

import numpy as np
from PIL import Image

from fashion_mnist.dataset.picture_parts import JPEG, PNG

# Of a PNG, what decides the pixels of its first image. Source: PNG specification, 11.2 and 11.3.
_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_ORIENTATION_CHUNK = b"eXIf"
_MOST_BYTES = 9  # of a pixel: 16 bits of four channels; and of the byte before each row
_PART = 1 << 14  # bytes that are expanded at once, at most a thousandfold
_IEND = b"\0\0\0\0IEND\xaeB`\x82"
# Markers of a JPEG. Source: ITU-T T.81, annex B.
_APP0, _APP1, _APP14, _APP15, _COMMENT, _SCAN = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE, 0xDA
_END = b"\xff\xd9"
_ADOBE = 12  # bytes of the segment that says how four channels are meant
# Any data without a marker, as if a scan went on.
_MORE = b"".join(hashlib.sha256(b"%d" % part).digest() for part in range(16)).replace(b"\xff", b"")


def bare(content: bytes, most: int) -> bytes | None:
    """Return a PNG or JPEG file without its metadata; None where it is another, or is not whole.

    An orientation remains. An end marker is added where all pixels are there. A picture of more
    than `most` pixels is left as it is.
    """
    if content.startswith(PNG):
        return _bare_png(content, most)
    if content.startswith(JPEG):
        return _bare_jpeg(content, most)
    return None


def _bare_png(content: bytes, most: int) -> bytes | None:
    kept, position, pixels, expanded = [PNG], len(PNG), zlib.decompressobj(), 0
    while position < len(content):
        end = position + 12 + int.from_bytes(content[position : position + 4], "big")
        chunk, position = content[position:end], end
        name, is_sound = chunk[4:8], zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
        if name in _PIXEL_CHUNKS and not is_sound:
            return None
        if name in _PIXEL_CHUNKS or (name == _ORIENTATION_CHUNK and is_sound):
            kept.append(chunk)
        if name == b"IDAT":
            for start in range(8, len(chunk) - 4, _PART):
                expanded += len(
                    pixels.decompress(chunk[start : min(start + _PART, len(chunk) - 4)])
                )
                if expanded > _MOST_BYTES * most:
                    return None
    # A decoder leaves pixels that are missing black without a word.
    return b"".join(kept) + _IEND if pixels.eof else None


def _bare_jpeg(content: bytes, most: int) -> bytes | None:
    kept, position = [JPEG], len(JPEG)
    while content[position : position + 1] == b"\xff":
        marker = content[position + 1]
        if marker == _SCAN:
            return _ended(b"".join(kept) + content[position:], most)
        end = position + 2 + int.from_bytes(content[position + 2 : position + 4], "big")
        segment, position = content[position:end], end
        is_metadata = _APP0 <= marker <= _APP15 or marker == _COMMENT
        is_orientation = marker == _APP1 and segment[4:8] == b"Exif"
        is_colour = marker == _APP14 and len(segment) >= 4 + _ADOBE
        if not is_metadata or is_orientation or is_colour:
            kept.append(segment)
    return None


def _ended(jpeg: bytes, most: int) -> bytes | None:
    """Return a JPEG file with an end marker; None where pixels are missing."""
    if _END in jpeg:
        return jpeg
    jpeg = jpeg.removesuffix(b"\xff")
    # A decoder makes up what it lacks without a word. It lacks something if more data change it.
    added = (b"", _MORE, _MORE[::-1])
    images = [Image.open(io.BytesIO(jpeg + more + _END)) for more in added]
    if images[0].width * images[0].height > most:
        return None
    first, *others = map(np.asarray, images)
    return jpeg + _END if all(np.array_equal(first, other) for other in others) else None
