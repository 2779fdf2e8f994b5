"""Hostile picture files, each made by a function that is named after what it is.

They stay below the limits that docs/service.md names, or are just above them. Nothing here uses the
project's own code, so that a mistake there can't hide itself.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterable

from PIL import Image

Make = Callable[[], bytes]

BODY = 19_990_000  # bytes; the service takes 20 MB, and a form needs some
PIXELS = 40_000_000  # that a picture may have, unless it is a JPEG or a WebP
WIDE, HIGH = 8000, 5000  # as many pixels
JPEG_WIDE, JPEG_HIGH = 10_000, 5000  # as many as a JPEG may have
WEBP_WIDE, WEBP_HIGH = 4000, 4000  # as many as a WebP may have
SIDE = 20_000  # pixels that a side may have
SCANS = 100  # that a JPEG may have
PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
GREY, COLOURED, INDEXED, GREY_ALPHA, ALPHA = 0, 2, 3, 4, 6  # PNG's colour types
CHANNELS = {GREY: 1, COLOURED: 3, INDEXED: 1, GREY_ALPHA: 2, ALPHA: 4}
BASELINE, PROGRESSIVE, ARITHMETIC, PROGRESSIVE_ARITHMETIC = 0xC0, 0xC2, 0xC9, 0xCA
ANY_PALETTE = bytes(range(256)) * 3


# PNG


def chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def zeros(count: int) -> bytes:
    """Return `count` zeros, compressed; gigabytes of them take a moment."""
    piece = 1 << 20
    compressor = zlib.compressobj(9, wbits=-15)
    compressor.compress(bytes(piece))
    compressor.flush(zlib.Z_FULL_FLUSH)  # a first block, to drop what is only at the beginning
    block = compressor.compress(bytes(piece)) + compressor.flush(zlib.Z_FULL_FLUSH)
    rest = zlib.compressobj(9, wbits=-15)
    end = rest.compress(bytes(count % piece)) + rest.flush()
    checksum = struct.pack(">HH", count % 65_521, 1)  # Adler-32 of zeros
    return b"".join([b"\x78\xda", block * (count // piece), end, checksum])


def png(
    width: int,
    height: int,
    colour: int = GREY,
    bits: int = 8,
    *,
    interlaced: bool = False,
    before: bytes = b"",
    after: bytes = b"",
    pixels: bytes | None = None,
    end: bytes = chunk(b"IEND"),
) -> bytes:
    """Return a black PNG; `before` and `after` are chunks around its pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    if pixels is None:
        row = (width * CHANNELS[colour] * bits + 7) // 8
        # The passes of an interlaced picture have up to three filter bytes for two rows, and round.
        pixels = chunk(b"IDAT", zeros((row + 1) * height + interlaced * 16 * (height + width)))
    return b"".join([PNG_START, chunk(b"IHDR", header), before, pixels, after, end])


def png_in_colour_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, COLOURED)


def png_of_16_bits_and_alpha_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, ALPHA, 16)


def png_of_16_bits_and_grey_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, GREY, 16, before=chunk(b"tRNS", b"\0\0"))


def png_of_grey_and_alpha_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, GREY_ALPHA)


def png_of_one_bit_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, GREY, 1)


def png_with_a_transparent_palette_of_the_most_pixels() -> bytes:
    colours = chunk(b"PLTE", ANY_PALETTE) + chunk(b"tRNS", bytes(range(256)))
    return png(WIDE, HIGH, INDEXED, before=colours)


def interlaced_png_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, ALPHA, interlaced=True)


def interlaced_png_of_16_bits_of_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, ALPHA, 16, interlaced=True)


def png_of_the_most_pixels_whose_every_row_is_filtered() -> bytes:
    """Paeth's filter takes the most work for each byte."""
    rows = zlib.compress((b"\4" + bytes(WIDE * 4)) * HIGH)
    return png(WIDE, HIGH, ALPHA, pixels=chunk(b"IDAT", rows))


def png_of_noise_as_large_as_a_body() -> bytes:
    """Deflate without compression, so all bytes are read and filtered."""
    side = 2570
    noise = zlib.compress(bytes((3 * side + 1) * side), 0)
    return png(side, side, COLOURED, pixels=chunk(b"IDAT", noise))


def png_without_its_end() -> bytes:
    """A service that mends such files decodes them twice."""
    return png(WIDE, HIGH, ALPHA, 16, end=b"")


def png_with_a_broken_chunk_and_the_most_pixels() -> bytes:
    return png(WIDE, HIGH, ALPHA, 16, before=chunk(b"pHYs", b"\0"))


def png_of_twenty_gigabytes_of_zeros_behind_a_broken_chunk() -> bytes:
    """Whoever mends it may unpack it all; its header names one pixel."""
    return png(1, 1, before=chunk(b"pHYs", b"\0"), pixels=chunk(b"IDAT", zeros(19_200_000_000)))


def png_of_twenty_gigabytes_of_zeros_for_one_pixel() -> bytes:
    return png(1, 1, pixels=chunk(b"IDAT", zeros(19_200_000_000)))


def png_of_one_row() -> bytes:
    return png(PIXELS, 1)


def png_of_one_column() -> bytes:
    return png(1, PIXELS)


def png_of_the_longest_row() -> bytes:
    return png(SIDE, 1)


def png_of_the_longest_column() -> bytes:
    return png(1, SIDE)


def png_of_more_pixels_than_fit() -> bytes:
    return png(2**31 - 1, 2**31 - 1, pixels=chunk(b"IDAT", zeros(1000)))


def png_of_empty_chunks_of_no_known_kind() -> bytes:
    empty = chunk(b"abCd")
    return png(8, 8, before=empty * (BODY // len(empty)))


def png_of_empty_texts() -> bytes:
    empty = chunk(b"tEXt")
    return png(8, 8, before=empty * (BODY // len(empty)))


def png_of_short_texts() -> bytes:
    text = chunk(b"tEXt", b"k\0")
    return png(8, 8, before=text * (BODY // len(text)))


def png_of_empty_chunks_behind_its_pixels() -> bytes:
    empty = chunk(b"abCd")
    return png(8, 8, after=empty * (BODY // len(empty)))


def png_of_empty_pixel_chunks() -> bytes:
    empty = chunk(b"IDAT")
    pixels = chunk(b"IDAT", zeros(72))
    return png(8, 8, before=empty * (BODY // len(empty)), pixels=pixels)


def png_of_empty_chunks_and_no_end() -> bytes:
    empty = chunk(b"abCd")
    return png(8, 8, before=empty * (BODY // len(empty)), end=b"")


def png_of_pixel_chunks_of_one_byte() -> bytes:
    """A small stream of pixels, one byte to a chunk, and then empty chunks."""
    stream, empty = zeros(9 * 8), chunk(b"IDAT")
    parts = b"".join(chunk(b"IDAT", stream[at : at + 1]) for at in range(len(stream)))
    return png(8, 8, pixels=parts + empty * (BODY // len(empty)))


def png_of_large_compressed_texts() -> bytes:
    """Each expands to a megabyte, a thousandfold."""
    text = chunk(b"zTXt", b"k\0\0" + zeros(1_000_000))
    return png(8, 8, before=text * (BODY // len(text)))


def png_of_a_text_that_expands_twice() -> bytes:
    """A deflated stream inside another: twenty gigabytes for who unpacks all layers."""
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(zeros(19_200_000_000), 9))
    return png(8, 8, before=text)


def png_of_international_texts() -> bytes:
    text = chunk(b"iTXt", b"k\0\1\0\0\0" + zeros(1_000_000))
    return png(8, 8, before=text * (BODY // len(text)))


def png_of_large_colour_profiles() -> bytes:
    profile = chunk(b"iCCP", b"p\0\0" + zeros(1_000_000))
    return png(8, 8, before=profile * (BODY // len(profile)))


def png_of_a_profile_that_expands_to_a_gigabyte() -> bytes:
    return png(8, 8, before=chunk(b"iCCP", b"p\0\0" + zeros(1_000_000_000)))


def png_of_many_frames() -> bytes:
    """An animated PNG of the most pixels in every frame."""
    frames, parts = 60, [chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))]
    control = struct.pack(">IIIIHHBB", WIDE, HIGH, 0, 0, 1, 1, 0, 0)
    parts.append(chunk(b"fcTL", struct.pack(">I", 0) + control))
    row = zeros((WIDE + 1) * HIGH)
    later = []
    for number in range(1, 2 * frames, 2):
        later.append(chunk(b"fcTL", struct.pack(">I", number) + control))
        later.append(chunk(b"fdAT", struct.pack(">I", number + 1) + row))
    return png(WIDE, HIGH, before=b"".join(parts), after=b"".join(later))


def png_of_empty_frames() -> bytes:
    control = struct.pack(">IIIIHHBB", 8, 8, 0, 0, 1, 1, 0, 0)
    first = chunk(b"acTL", struct.pack(">II", 200_000, 0))
    parts, size = [first], 0
    number = 0
    while size < BODY - 100_000:
        parts.append(chunk(b"fcTL", struct.pack(">I", number) + control))
        number, size = number + 1, size + len(parts[-1])
    return png(8, 8, before=b"".join(parts))


def exif_of_entries(count: int, size: int, same: bool = False) -> bytes:
    """Return Exif data whose entries all have the same `size` bytes as their value."""
    entries = b"".join(
        struct.pack("<HHII", 1 if same else 1 + number, 7, size, 8) for number in range(count)
    )
    directory = 8 + size
    return b"".join(
        [b"II*\0", struct.pack("<I", directory), bytes(size), struct.pack("<H", count), entries]
    )


def png_of_entries_that_share_megabytes() -> bytes:
    """Whoever reads each entry's value needs 1.2 TB."""
    return png(8, 8, before=chunk(b"eXIf", exif_of_entries(65_535, 18_000_000) + bytes(4)))


def png_of_entries_with_the_same_name() -> bytes:
    exif = exif_of_entries(65_535, 18_000_000, same=True) + bytes(4)
    return png(8, 8, before=chunk(b"eXIf", exif))


def png_of_an_orientation_of_megabytes() -> bytes:
    """Its orientation has nearly nine million values."""
    values = 8_800_000
    entry = struct.pack("<HHHII", 1, 0x0112, 3, values, 26)
    return png(
        8, 8, before=chunk(b"eXIf", b"II*\0\x08\0\0\0" + entry + bytes(4) + b"\6\0" * values)
    )


def png_of_a_directory_that_names_itself() -> bytes:
    """Its next directory, and that of its camera, are the one that names them."""
    entry = struct.pack("<HHHII", 1, 0x8769, 4, 1, 8) + struct.pack("<I", 8)
    return png(8, 8, before=chunk(b"eXIf", b"II*\0\x08\0\0\0" + entry))


# JPEG. Source: ITU-T T.81, annexes B and G.


def segment(marker: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def _scan(component: int, first: int, last: int, high_low: int) -> bytes:
    return segment(0xDA, bytes([1, component, 0, first, last, high_low]))


def _bits(bits: str) -> bytes:
    """Return bits as a scan's data, the last byte filled with ones."""
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0") if bits else b""


def _nothing_in(blocks: int) -> bytes:
    """Return a scan's data that say in few bytes that nothing is in any block.

    The table has one code, 0, for a run of blocks whose length has 14 more bits.
    """
    runs, most = [], (1 << 15) - 1
    while blocks > 0:
        run = min(blocks, most)
        if run < 1 << 14:  # the code stands for longer runs; a longer one than is left does no harm
            run = 1 << 14
        runs.append("0" + format(run - (1 << 14), "014b"))
        blocks -= run
    return _bits("".join(runs))


def jpeg(
    width: int,
    height: int,
    kind: int,
    components: int,
    scans: Iterable[bytes],
    before: bytes = b"",
    end: bytes = JPEG_END,
) -> bytes:
    parts = b"".join(bytes([number + 1, 0x11, 0]) for number in range(components))
    one_code = bytes([1]) + bytes(15)
    return b"".join(
        [
            JPEG_START,
            before,
            segment(0xDB, b"\0" + b"\1" * 64),
            segment(kind, struct.pack(">BHHB", 8, height, width, components) + parts),
            segment(0xC4, b"\0" + one_code + b"\0"),  # a difference of nothing
            segment(0xC4, b"\x10" + one_code + b"\xe0"),  # a long run of blocks with nothing
            *scans,
            end,
        ]
    )


def progressive(
    width: int,
    height: int,
    scans: int,
    components: int = 1,
    refining: bool = False,
    end: bytes = JPEG_END,
) -> bytes:
    """Return a progressive JPEG whose scans say nothing; those that refine visit each value."""
    blocks = -(-width // 8) * -(-height // 8)
    nothing = _nothing_in(blocks)
    every = [
        _scan(1 + number % components, 1, 63, 0x10 if refining else 0) + nothing
        for number in range(scans)
    ]
    return jpeg(width, height, PROGRESSIVE, components, every, end=end)


def progressive_jpeg_of_a_thousand_empty_scans() -> bytes:
    return progressive(JPEG_WIDE, JPEG_HIGH, 1000)


def progressive_jpeg_of_a_thousand_scans_that_refine() -> bytes:
    return progressive(JPEG_WIDE, JPEG_HIGH, 1000, refining=True)


def progressive_jpeg_of_the_most_scans_and_pixels() -> bytes:
    return progressive(JPEG_WIDE, JPEG_HIGH, SCANS)


def progressive_jpeg_of_the_most_scans_that_refine_and_pixels() -> bytes:
    return progressive(JPEG_WIDE, JPEG_HIGH, SCANS, 3, refining=True)


def progressive_jpeg_of_the_most_scans_and_pixels_without_its_end() -> bytes:
    """A service that mends such files decodes them several times."""
    return progressive(JPEG_WIDE, JPEG_HIGH, SCANS, 3, refining=True, end=b"")


def progressive_jpeg_of_ten_scans_and_the_most_pixels() -> bytes:
    """As many scans as real files have."""
    return progressive(JPEG_WIDE, JPEG_HIGH, 10, 3, refining=True)


def progressive_cmyk_jpeg_of_the_most_pixels() -> bytes:
    return progressive(JPEG_WIDE, JPEG_HIGH, 4, 4)


def progressive_jpeg_with_an_image_inside() -> bytes:
    """The scans of a second image, behind the first one's end."""
    inner = progressive(JPEG_WIDE, JPEG_HIGH, 1000, refining=True)
    return progressive(JPEG_WIDE, JPEG_HIGH, SCANS, refining=True) + inner


def baseline_jpeg_of_the_most_scans_and_pixels() -> bytes:
    """Each scan decodes every block of one of three components again."""
    one = [segment(0xDA, bytes([1, 1 + n % 3, 0, 0, 63, 0])) for n in range(SCANS)]
    return jpeg(JPEG_WIDE, JPEG_HIGH, BASELINE, 3, one)


def cmyk_jpeg_of_the_most_pixels() -> bytes:
    file = io.BytesIO()
    Image.new("CMYK", (JPEG_WIDE, JPEG_HIGH), (9, 99, 199, 0)).save(file, "JPEG", quality=90)
    return file.getvalue()


def arithmetic_jpeg_of_the_most_pixels() -> bytes:
    scan = segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0]))
    return jpeg(JPEG_WIDE, JPEG_HIGH, ARITHMETIC, 3, [scan + bytes(range(255)) * 60_000])


def progressive_arithmetic_jpeg_of_the_most_scans_and_pixels() -> bytes:
    """Its decoder never runs out of data."""
    scans = [_scan(1, 1, 63, 0x10) + bytes(range(1, 200)) * 800 for _ in range(SCANS)]
    return jpeg(JPEG_WIDE, JPEG_HIGH, PROGRESSIVE_ARITHMETIC, 1, scans)


def jpeg_of_noise_as_large_as_a_body() -> bytes:
    """No picture of so many bytes takes longer."""
    file = io.BytesIO()
    Image.effect_noise((3600, 2700), 90).convert("RGB").save(file, "JPEG", quality=93)
    return file.getvalue()


def jpeg_of_empty_segments(marker: int = 0xE5) -> bytes:
    return jpeg(8, 8, BASELINE, 1, [], before=segment(marker) * (BODY // 4))


def jpeg_of_empty_comments() -> bytes:
    return jpeg_of_empty_segments(0xFE)


def jpeg_of_empty_segments_and_a_scan() -> bytes:
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x2a"
    return jpeg(8, 8, BASELINE, 1, [scan], before=segment(0xE5) * (BODY // 4))


def jpeg_of_empty_segments_between_scans() -> bytes:
    scan = _scan(1, 1, 63, 0) + _nothing_in(1)
    return jpeg(8, 8, PROGRESSIVE, 1, [scan, segment(0xE5) * (BODY // 4), scan])


def jpeg_of_fill_bytes() -> bytes:
    """Any number of them may stand before a marker."""
    return jpeg(8, 8, BASELINE, 1, [], before=b"\xff" * BODY)


def jpeg_of_stuffing() -> bytes:
    return jpeg(8, 8, BASELINE, 1, [], before=b"\xff\0" * (BODY // 2))


def jpeg_of_garbage_before_its_header() -> bytes:
    return jpeg(8, 8, BASELINE, 1, [], before=b"\0" * BODY)


def jpeg_of_restarts() -> bytes:
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\xff\xd0" * (BODY // 2)
    return jpeg(JPEG_WIDE, JPEG_HIGH, BASELINE, 1, [segment(0xDD, b"\0\1") + scan])


def jpeg_of_exif_in_pieces() -> bytes:
    """Whoever appends each piece to those before copies a terabyte."""
    piece = segment(0xE1, b"Exif\0\0" + bytes(10))
    return jpeg(8, 8, BASELINE, 1, [], before=piece * (BODY // len(piece)))


def jpeg_of_profiles_in_pieces() -> bytes:
    piece = segment(0xE2, b"ICC_PROFILE\0\1\1")
    return jpeg(8, 8, BASELINE, 1, [], before=piece * (BODY // len(piece)))


def jpeg_of_photoshop_blocks() -> bytes:
    block = b"8BIM\0\0\0\0\0\0\0\0"
    piece = segment(0xED, b"Photoshop 3.0\0" + block * 5000)
    return jpeg(8, 8, BASELINE, 1, [], before=piece * (BODY // len(piece)))


def jpeg_of_tables() -> bytes:
    table = segment(0xC4, b"\0" + bytes([1]) + bytes(15) + b"\0")
    return jpeg(8, 8, BASELINE, 1, [], before=table * (BODY // len(table)))


def jpeg_of_exif_entries_that_share_a_segment() -> bytes:
    exif = b"Exif\0\0" + exif_of_entries(2000, 40_000) + bytes(4)
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x2a"
    return jpeg(8, 8, BASELINE, 1, [scan], before=segment(0xE1, exif))


def jpeg_of_many_pictures() -> bytes:
    """An MPO file that says it has four thousand million pictures."""
    entry = struct.pack("<HHHII", 1, 0xB001, 4, 1, 2**32 - 1) + bytes(4)
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x2a"
    listed = segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + entry)
    return jpeg(8, 8, BASELINE, 1, [scan], before=listed)


def jpeg_cut_in_its_first_scan() -> bytes:
    content = cmyk_jpeg_of_the_most_pixels()
    return content[: len(content) // 2]


# GIF, BMP, WebP


def gif(width: int, height: int, extensions: bytes = b"", frames: bytes | None = None) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return head + extensions + (gif_frame(1, 1) if frames is None else frames) + b";"


def gif_frame(width: int, height: int) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\2\2D\1\0"


def gif_of_the_most_pixels() -> bytes:
    file = io.BytesIO()
    Image.new("P", (WIDE, HIGH)).save(file, "GIF")
    return file.getvalue()


def gif_of_a_huge_canvas_and_a_tiny_frame() -> bytes:
    return gif(65_535, 65_535)


def gif_of_the_largest_canvas_and_a_tiny_frame() -> bytes:
    return gif(WIDE, HIGH)


def gif_of_a_frame_outside_its_canvas() -> bytes:
    frame = b"," + struct.pack("<HHHHB", 60_000, 60_000, 5000, 5000, 0) + b"\2\2D\1\0"
    return gif(8, 8, frames=frame)


def gif_of_frames() -> bytes:
    frame = gif_frame(1, 1)
    return gif(8, 8, frames=frame * (BODY // len(frame)))


def gif_of_comments_of_one_byte() -> bytes:
    return gif(8, 8, b"!\xfe" + b"\1x" * (BODY // 2) + b"\0")


def gif_of_empty_comments() -> bytes:
    return gif(8, 8, b"!\xfe\0" * (BODY // 3))


def gif_of_empty_extensions() -> bytes:
    return gif(8, 8, b"!\xff\0" * (BODY // 3))


def gif_of_blocks_of_one_byte() -> bytes:
    """Blocks of pixels that follow the picture's end."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2D\1" + b"\1\0" * (BODY // 2)
    return gif(8, 8, frames=frame + b"\0")


def gif_of_garbage() -> bytes:
    return gif(8, 8, b"\x01" * BODY)


def _bmp(width: int, height: int, bits: int, compression: int, data: bytes, colours: int) -> bytes:
    offset = 54 + 4 * colours
    info = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, colours, 0
    )
    palette = b"".join(bytes([n & 255, (7 * n) & 255, 9, 0]) for n in range(colours))
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + palette + data


def run_length_encoded_bmp() -> bytes:
    return _bmp(SIDE, 2000, 8, 1, b"\xff\x07\0\1\0\0", 256)


def run_length_encoded_bmp_of_four_bits() -> bytes:
    return _bmp(SIDE, 2000, 4, 2, b"\xff\x07\0\1", 16)


def run_length_encoded_bmp_of_jumps() -> bytes:
    return _bmp(SIDE, 2000, 8, 1, b"\0\2\0\1" * 1000, 256)


def bmp_of_the_most_pixels() -> bytes:
    """One bit for each pixel."""
    return _bmp(WIDE, HIGH, 1, 0, bytes(-(-WIDE // 32) * 4 * HIGH), 2)


def bmp_of_a_huge_palette() -> bytes:
    return _bmp(8, 8, 8, 0, bytes(64), 65_536)


def bmp_without_its_pixels() -> bytes:
    return _bmp(WIDE, HIGH, 32, 0, bytes(100), 0)


def bmp_of_no_height() -> bytes:
    return _bmp(WIDE, 0, 24, 0, bytes(100), 0)


def bmp_upside_down_of_the_most_pixels() -> bytes:
    return _bmp(WIDE, -HIGH, 1, 0, bytes(-(-WIDE // 32) * 4 * HIGH), 2)


def bmp_of_a_header_of_gigabytes() -> bytes:
    content = bytearray(_bmp(8, 8, 24, 0, bytes(300), 0))
    content[14:18] = b"\xff\xff\xff\xff"
    return bytes(content)


def bmp_of_a_jpeg() -> bytes:
    return _bmp(WIDE, HIGH, 24, 4, progressive_jpeg_of_a_thousand_empty_scans(), 0)


def webp_of_the_most_pixels() -> bytes:
    return _webp((WEBP_WIDE, WEBP_HIGH), lossless=False)


def lossless_webp_of_the_most_pixels() -> bytes:
    return _webp((WEBP_WIDE, WEBP_HIGH), lossless=True)


def webp_of_the_largest_sides() -> bytes:
    """Too many pixels; its header alone says so."""
    return _webp_of_header(16_383, 16_383)


def _webp(size: tuple[int, int], *, lossless: bool) -> bytes:
    file = io.BytesIO()
    few = Image.linear_gradient("L").quantize(16).convert("RGBA")
    image = few.resize(size, Image.Resampling.NEAREST)
    image.save(file, "WEBP", lossless=lossless, quality=50, method=1)
    return file.getvalue()


def _riff(content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WEBP" + content


def _riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _three_bytes(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _webp_of_header(width: int, height: int) -> bytes:
    """Return a lossless WebP of a size, with hardly any pixels."""
    size = (width - 1) | (height - 1) << 14
    return _riff(_riff_chunk(b"VP8L", b"\x2f" + struct.pack("<I", size) + bytes(100)))


def _small_lossless() -> bytes:
    """Return the chunk VP8L of a picture of one pixel."""
    file = io.BytesIO()
    Image.new("RGBA", (1, 1), (9, 9, 9, 99)).save(file, "WEBP", lossless=True)
    content = file.getvalue()
    start = content.index(b"VP8L")
    size = int.from_bytes(content[start + 4 : start + 8], "little")
    return content[start : start + 8 + size + size % 2]


def _animated(width: int, height: int, frame: bytes, count: int) -> bytes:
    head = b"\x12\0\0\0" + _three_bytes(width - 1) + _three_bytes(height - 1)
    one = bytes(6) + bytes(6) + _three_bytes(100) + b"\0" + frame
    parts = [_riff_chunk(b"VP8X", head), _riff_chunk(b"ANIM", bytes(6))]
    return _riff(b"".join([*parts, _riff_chunk(b"ANMF", one) * count]))


def animated_webp_of_many_frames() -> bytes:
    frame = _small_lossless()
    return _animated(8, 8, frame, BODY // (24 + len(frame)) - 10)


def animated_webp_of_the_largest_canvas() -> bytes:
    return _animated(WEBP_WIDE, WEBP_HIGH, _small_lossless(), 100)


def animated_webp_of_a_canvas_of_gigabytes() -> bytes:
    return _animated(2**24, 255, _small_lossless(), 2)


def webp_of_unknown_chunks() -> bytes:
    head = b"\x10\0\0\0" + _three_bytes(0) + _three_bytes(0)
    unknown = _riff_chunk(b"abcd", b"")
    parts = [_riff_chunk(b"VP8X", head), unknown * (BODY // len(unknown) - 20), _small_lossless()]
    return _riff(b"".join(parts))


# What is no such picture


def tiff_that_says_it_is_a_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3000, 3000)).save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


def pdf_of_a_picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300)).save(file, "PDF")
    return file.getvalue()


def eps_that_runs_a_program() -> bytes:
    return (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n"
        b"(%pipe%sleep 60) (r) file closefile\n{} loop\n%%EOF\n"
    )


def svg_of_entities() -> bytes:
    names = [b"a%d" % number for number in range(10)]
    entities = [b'<!ENTITY a0 "ha">']
    for before, name in itertools.pairwise(names):
        entities.append(b'<!ENTITY %b "%b">' % (name, b"&%b;" % before * 10))
    return b"<?xml version='1.0'?><!DOCTYPE svg [%b]><svg>&a9;</svg>" % b"".join(entities)


def nothing_but_zeros() -> bytes:
    return bytes(BODY)


ALL: dict[str, Make] = {
    make.__name__.replace("_", " "): make
    for make in (
        png_in_colour_of_the_most_pixels,
        png_of_16_bits_and_alpha_of_the_most_pixels,
        png_of_16_bits_and_grey_of_the_most_pixels,
        png_of_grey_and_alpha_of_the_most_pixels,
        png_of_one_bit_of_the_most_pixels,
        png_with_a_transparent_palette_of_the_most_pixels,
        interlaced_png_of_the_most_pixels,
        interlaced_png_of_16_bits_of_the_most_pixels,
        png_of_the_most_pixels_whose_every_row_is_filtered,
        png_of_noise_as_large_as_a_body,
        png_without_its_end,
        png_with_a_broken_chunk_and_the_most_pixels,
        png_of_twenty_gigabytes_of_zeros_behind_a_broken_chunk,
        png_of_twenty_gigabytes_of_zeros_for_one_pixel,
        png_of_one_row,
        png_of_one_column,
        png_of_the_longest_row,
        png_of_the_longest_column,
        png_of_more_pixels_than_fit,
        png_of_empty_chunks_of_no_known_kind,
        png_of_empty_texts,
        png_of_short_texts,
        png_of_empty_chunks_behind_its_pixels,
        png_of_empty_pixel_chunks,
        png_of_empty_chunks_and_no_end,
        png_of_pixel_chunks_of_one_byte,
        png_of_large_compressed_texts,
        png_of_a_text_that_expands_twice,
        png_of_international_texts,
        png_of_large_colour_profiles,
        png_of_a_profile_that_expands_to_a_gigabyte,
        png_of_many_frames,
        png_of_empty_frames,
        png_of_entries_that_share_megabytes,
        png_of_entries_with_the_same_name,
        png_of_an_orientation_of_megabytes,
        png_of_a_directory_that_names_itself,
        progressive_jpeg_of_a_thousand_empty_scans,
        progressive_jpeg_of_a_thousand_scans_that_refine,
        progressive_jpeg_of_the_most_scans_and_pixels,
        progressive_jpeg_of_the_most_scans_that_refine_and_pixels,
        progressive_jpeg_of_the_most_scans_and_pixels_without_its_end,
        progressive_jpeg_of_ten_scans_and_the_most_pixels,
        progressive_cmyk_jpeg_of_the_most_pixels,
        progressive_jpeg_with_an_image_inside,
        baseline_jpeg_of_the_most_scans_and_pixels,
        cmyk_jpeg_of_the_most_pixels,
        arithmetic_jpeg_of_the_most_pixels,
        progressive_arithmetic_jpeg_of_the_most_scans_and_pixels,
        jpeg_of_noise_as_large_as_a_body,
        jpeg_of_empty_segments,
        jpeg_of_empty_comments,
        jpeg_of_empty_segments_and_a_scan,
        jpeg_of_empty_segments_between_scans,
        jpeg_of_fill_bytes,
        jpeg_of_stuffing,
        jpeg_of_garbage_before_its_header,
        jpeg_of_restarts,
        jpeg_of_exif_in_pieces,
        jpeg_of_profiles_in_pieces,
        jpeg_of_photoshop_blocks,
        jpeg_of_tables,
        jpeg_of_exif_entries_that_share_a_segment,
        jpeg_of_many_pictures,
        jpeg_cut_in_its_first_scan,
        gif_of_the_most_pixels,
        gif_of_a_huge_canvas_and_a_tiny_frame,
        gif_of_the_largest_canvas_and_a_tiny_frame,
        gif_of_a_frame_outside_its_canvas,
        gif_of_frames,
        gif_of_comments_of_one_byte,
        gif_of_empty_comments,
        gif_of_empty_extensions,
        gif_of_blocks_of_one_byte,
        gif_of_garbage,
        run_length_encoded_bmp,
        run_length_encoded_bmp_of_four_bits,
        run_length_encoded_bmp_of_jumps,
        bmp_of_the_most_pixels,
        bmp_of_a_huge_palette,
        bmp_without_its_pixels,
        bmp_of_no_height,
        bmp_upside_down_of_the_most_pixels,
        bmp_of_a_header_of_gigabytes,
        bmp_of_a_jpeg,
        webp_of_the_most_pixels,
        lossless_webp_of_the_most_pixels,
        webp_of_the_largest_sides,
        animated_webp_of_many_frames,
        animated_webp_of_the_largest_canvas,
        animated_webp_of_a_canvas_of_gigabytes,
        webp_of_unknown_chunks,
        tiff_that_says_it_is_a_png,
        pdf_of_a_picture,
        eps_that_runs_a_program,
        svg_of_entities,
        nothing_but_zeros,
    )
}
