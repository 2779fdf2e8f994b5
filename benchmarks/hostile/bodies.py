"""Hostile bodies that are no picture: forms and inference requests, and what to send them to."""

import json
import struct
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from benchmarks.hostile import pictures

BODY = pictures.BODY
JSON = 6_400_000  # bytes; a little more is refused before it is parsed
BOUNDARY = "b"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
INFER = "/v2/models/cnn/infer"
HEAD_LENGTH = "inference-header-content-length"
SIDE = 28  # pixels of the images that the models take
IMAGES = 1024  # that a request may have
FILES = 100  # that a form may have


class Body(NamedTuple):
    """A request that hostile clients send; `headers` are those besides the length."""

    path: str
    headers: dict[str, str]
    content: bytes

    def head(self) -> bytes:
        """Return the request's head."""
        lines = [f"POST {self.path} HTTP/1.1", "host: here"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, f"content-length: {len(self.content)}", "", ""]).encode()


Make = Callable[[], Body]


def picture(make: pictures.Make, path: str = "/predict") -> Make:
    """Return a maker of requests with a picture."""
    return lambda: Body(path, {"content-type": "image/png"}, make())


# Forms


def form(parts: Iterable[bytes], path: str = "/predict", end: bytes = b"--b--\r\n") -> Body:
    return Body(path, {"content-type": FORM}, b"".join([*parts, end]))


def part(content: bytes, name: str = "files", file: str | None = "a.png") -> bytes:
    said = f'form-data; name="{name}"' + (f'; filename="{file}"' if file is not None else "")
    return f"--b\r\nContent-Disposition: {said}\r\n\r\n".encode() + content + b"\r\n"


def form_of_the_worst_pictures() -> Body:
    """As many pictures as fit, each of which takes the most time."""
    worst = pictures.progressive_jpeg_of_the_most_scans_and_pixels_without_its_end()
    return form([part(worst)] * FILES)


def form_of_the_largest_pictures() -> Body:
    large = pictures.png_with_a_transparent_palette_of_the_most_pixels()
    return form([part(large)] * (FILES - 1))


def form_of_pictures_that_end_badly() -> Body:
    """The last one is none, so all work before was for nothing."""
    large = pictures.png_in_colour_of_the_most_pixels()
    return form([part(large)] * 50 + [part(b"none")])


def lesson_of_the_largest_pictures() -> Body:
    """To /teach, which takes more of them."""
    large = pictures.interlaced_png_of_the_most_pixels()
    return form([part(large, f"class {n % 2}") for n in range(60)], "/teach")


def lesson_of_classes() -> Body:
    small = pictures.png(8, 8)
    return form([part(small, f"class {n // 2}") for n in range(400)], "/teach")


def form_of_tiny_fields() -> Body:
    field = part(b"x", "a", None)
    return form([field * (BODY // len(field))])


def form_of_tiny_files() -> Body:
    file = part(b"x")
    return form([file * (BODY // len(file))])


def form_of_empty_files() -> Body:
    return form([part(b"")] * FILES)


def form_of_long_names() -> Body:
    return form([part(b"x", file="n" * 4000)] * FILES)


def form_of_long_parameters() -> Body:
    """A disposition of thousands of parameters, in each of a hundred parts."""
    said = b"--b\r\nContent-Disposition: form-data; name=a; filename=b" + b";c=d" * 900
    return form([said + b"\r\n\r\nx\r\n"] * FILES)


def form_of_a_huge_part_header() -> Body:
    return form([b"--b\r\nX: " + b"x" * BODY + b"\r\n\r\nx\r\n"])


def form_of_endless_part_headers() -> Body:
    return form([b"--b\r\n" + b"X: y\r\n" * (BODY // 6)])


def form_of_folded_part_headers() -> Body:
    return form([b"--b\r\n", b"X: y\r" * (BODY // 5 - 10)])


def form_of_boundaries_that_begin() -> Body:
    """Data full of the beginning of a boundary of the most characters."""
    boundary = "b" * 70
    almost = f"\r\n--{boundary[:-1]}".encode()
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
    content = start.encode() + almost * (BODY // len(almost)) + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    return Body("/predict", {"content-type": kind}, content)


def form_of_boundaries_and_no_part() -> Body:
    return form([b"--b\r\n" * (BODY // 5)])


def form_of_boundaries_that_go_on() -> Body:
    return form([part(b"\r\n--bx" * (BODY // 6))])


def form_of_padded_boundaries() -> Body:
    return form([part(b"x"), b"--b" + b" " * (BODY - 300) + b"\r\n"])


def form_of_line_ends() -> Body:
    return form([b"\r\n" * (BODY // 2)])


def form_of_line_ends_in_a_file() -> Body:
    return form([part(b"\r" * (BODY - 300))])


def form_without_its_end() -> Body:
    return form([part(pictures.png(8, 8))], end=b"")


def form_of_what_follows_its_end() -> Body:
    return form([part(pictures.png(8, 8)), b"--b--\r\n", b"x" * (BODY - 300)], end=b"")


def form_of_a_file_of_megabytes() -> Body:
    """Larger than what a parser keeps in memory, so it may go to the disk."""
    return form([part(bytes(BODY - 300))])


def form_of_large_files() -> Body:
    return form([part(bytes(2_200_000))] * 9)


def form_of_a_field_of_megabytes() -> Body:
    return form([part(b"x" * (BODY - 300), "a", None)])


def form_inside_a_form() -> Body:
    inner = b"--b\r\n".join([b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"] * 300_000)
    return form([b"--b\r\n" + inner])


def form_of_a_boundary_of_kilobytes() -> Body:
    kind = f"multipart/form-data; boundary={'b' * 30_000}"
    return Body("/predict", {"content-type": kind}, b"--" + b"b" * (BODY - 300))


def form_of_parameters_in_its_type() -> Body:
    """A parser that goes through its parameters with a pattern may take long."""
    kind = "multipart/form-data; " + '"\\' * 10_000 + ";a=" * 5000
    return Body("/predict", {"content-type": kind}, b"x")


# Inference requests


def inference(data: str, shape: list[int] | None = None, extra: str = "") -> Body:
    """Return a request whose tensor has `data`, which is JSON."""
    text = (
        f'{{{extra}"inputs":[{{"name":"images","datatype":"UINT8",'
        f'"shape":{json.dumps(shape or [1, SIDE, SIDE])},"data":{data}}}]}}'
    )
    return Body(INFER, {"content-type": "application/json"}, text.encode())


def binary(head: dict[str, Any], tail: bytes) -> Body:
    text = json.dumps(head).encode()
    headers = {"content-type": "application/octet-stream", HEAD_LENGTH: str(len(text))}
    return Body(INFER, headers, text + tail)


def tensor(shape: list[int], size: int, **extra: Any) -> dict[str, Any]:
    one = {"name": "images", "datatype": "UINT8", "shape": shape}
    return {"inputs": [one | {"parameters": {"binary_data_size": size}}], **extra}


def json_of_open_brackets() -> Body:
    return Body(INFER, {}, b"[" * JSON)


def json_of_empty_lists() -> Body:
    return Body(INFER, {}, b"[" + b"[]," * (JSON // 3 - 2) + b"[]]")


def json_of_nested_lists() -> Body:
    return Body(INFER, {}, b"[" * 500_000 + b"]" * 500_000)


def json_of_lists_a_thousand_deep() -> Body:
    """As deep as parsers allow, again and again."""
    deep = b"[" * 1000 + b"]" * 1000
    return Body(INFER, {}, b"[" + (deep + b",") * (JSON // 2001 - 1) + deep + b"]")


def json_of_open_objects() -> Body:
    return Body(INFER, {}, b'{"a":' * (JSON // 5))


def json_of_unique_keys() -> Body:
    keys = b",".join(b'"%d":0' % number for number in range(560_000))
    return Body(INFER, {}, b"{" + keys + b"}")


def json_of_one_key() -> Body:
    return Body(INFER, {}, b"{" + b'"a":0,' * (JSON // 6 - 2) + b'"a":0}')


def json_of_small_objects() -> Body:
    return Body(INFER, {}, b"[" + b'{"a":{}},' * (JSON // 9 - 2) + b"{}]")


def json_of_text() -> Body:
    return Body(INFER, {}, b'"' + b"\\u00e9" * (JSON // 6 - 2) + b'"')


def json_of_a_long_number() -> Body:
    return Body(INFER, {}, b"9" * JSON)


def json_of_spaces() -> Body:
    return Body(INFER, {}, b" " * JSON)


def json_of_the_longest_body() -> Body:
    return Body(INFER, {}, b" " * BODY)


def data_of_empty_lists() -> Body:
    return inference("[" + "[]," * (JSON // 3 - 100) + "[]]")


def data_of_lists_of_the_first_axis() -> Body:
    """Nested as the shape says at first."""
    return inference("[" + ",".join(["[" + ",".join(["[]"] * SIDE) + "]"] * 70_000) + "]")


def data_of_floats() -> Body:
    return inference("[" + "0.5," * (JSON // 4 - 100) + "0.5]")


def data_of_digits() -> Body:
    return inference("[" + "0," * (JSON // 2 - 100) + "0]")


def data_of_strings() -> Body:
    return inference("[" + ",".join(f'"{number}"' for number in range(620_000)) + "]")


def data_of_objects() -> Body:
    return inference("[" + "{}," * (JSON // 3 - 100) + "{}]")


def data_of_the_most_images_as_lists() -> Body:
    row = "[" + ",".join(["255"] * SIDE) + "]"
    image = "[" + ",".join([row] * SIDE) + "]"
    return inference("[" + ",".join([image] * IMAGES) + "]", [IMAGES, SIDE, SIDE])


def shape_of_millions() -> Body:
    return inference("[]", [1] * (JSON // 3 - 100))


def inputs_by_the_million() -> Body:
    return Body(INFER, {}, b'{"inputs":[' + b"{}," * (JSON // 3 - 100) + b"{}]}")


def outputs_by_the_million() -> Body:
    return inference("[]", extra='"outputs":[' + "{}," * (JSON // 3 - 100) + "{}],")


def keys_that_nobody_asked_for() -> Body:
    keys = ",".join(f'"{number}":0' for number in range(560_000))
    return inference("[]", extra=f"{keys},")


def id_of_megabytes() -> Body:
    """It comes back in the answer."""
    return binary(tensor([1, SIDE, SIDE], SIDE**2, id="\n" * (JSON // 2 - 100)), bytes(SIDE**2))


def error_of_megabytes() -> Body:
    """A name that an error may repeat."""
    request = {"inputs": [{"name": "x" * JSON, "datatype": "UINT8", "shape": [1, 28, 28]}]}
    return Body(INFER, {}, json.dumps(request).encode())


def tensor_that_is_too_short() -> Body:
    return binary(tensor([IMAGES, SIDE, SIDE], IMAGES * SIDE**2), bytes(10))


def tensor_that_is_too_long() -> Body:
    return binary(tensor([1, SIDE, SIDE], SIDE**2), bytes(BODY - 1000))


def tensor_of_more_bytes_than_there_are() -> Body:
    return binary(tensor([2**31, 2**31, 2**31], 2**62), bytes(100))


def tensor_of_no_image() -> Body:
    return binary(tensor([0, SIDE, SIDE], 0), b"")


def tensor_of_negative_size() -> Body:
    return binary(tensor([-1, SIDE, SIDE], -1), bytes(SIDE**2))


def tensor_of_the_most_images() -> Body:
    """All outputs come back as text."""
    return binary(tensor([IMAGES, SIDE, SIDE], IMAGES * SIDE**2), bytes(IMAGES * SIDE**2))


def tensor_of_the_most_images_for_one_output_each() -> Body:
    outputs = [{"name": "features"}, {"name": "probabilities"}, {"name": "features"}]
    head = tensor([IMAGES, SIDE, SIDE], IMAGES * SIDE**2, outputs=outputs)
    return binary(head, bytes(IMAGES * SIDE**2))


def tensor_of_floats() -> Body:
    one = {"name": "images", "datatype": "FP32", "shape": [1, SIDE, SIDE]}
    head = {"inputs": [one | {"parameters": {"binary_data_size": 4 * SIDE**2}}]}
    return binary(head, struct.pack("<f", float("nan")) * SIDE**2)


def tensor_whose_head_is_everything() -> Body:
    body = tensor_of_the_most_images()
    return body._replace(headers=body.headers | {HEAD_LENGTH: str(len(body.content))})


def _named(*makers: Make) -> dict[str, Make]:
    return {make.__name__.replace("_", " "): make for make in makers}


FORMS = _named(
    form_of_the_worst_pictures,
    form_of_the_largest_pictures,
    form_of_pictures_that_end_badly,
    lesson_of_the_largest_pictures,
    lesson_of_classes,
    form_of_tiny_fields,
    form_of_tiny_files,
    form_of_empty_files,
    form_of_long_names,
    form_of_long_parameters,
    form_of_a_huge_part_header,
    form_of_endless_part_headers,
    form_of_folded_part_headers,
    form_of_boundaries_that_begin,
    form_of_boundaries_and_no_part,
    form_of_boundaries_that_go_on,
    form_of_padded_boundaries,
    form_of_line_ends,
    form_of_line_ends_in_a_file,
    form_without_its_end,
    form_of_what_follows_its_end,
    form_of_a_file_of_megabytes,
    form_of_large_files,
    form_of_a_field_of_megabytes,
    form_inside_a_form,
    form_of_a_boundary_of_kilobytes,
    form_of_parameters_in_its_type,
)
TENSORS = _named(
    json_of_open_brackets,
    json_of_empty_lists,
    json_of_nested_lists,
    json_of_lists_a_thousand_deep,
    json_of_open_objects,
    json_of_unique_keys,
    json_of_one_key,
    json_of_small_objects,
    json_of_text,
    json_of_a_long_number,
    json_of_spaces,
    json_of_the_longest_body,
    data_of_empty_lists,
    data_of_lists_of_the_first_axis,
    data_of_floats,
    data_of_digits,
    data_of_strings,
    data_of_objects,
    data_of_the_most_images_as_lists,
    shape_of_millions,
    inputs_by_the_million,
    outputs_by_the_million,
    keys_that_nobody_asked_for,
    id_of_megabytes,
    error_of_megabytes,
    tensor_that_is_too_short,
    tensor_that_is_too_long,
    tensor_of_more_bytes_than_there_are,
    tensor_of_no_image,
    tensor_of_negative_size,
    tensor_of_the_most_images,
    tensor_of_the_most_images_for_one_output_each,
    tensor_of_floats,
    tensor_whose_head_is_everything,
)
PICTURES: dict[str, Make] = {name: picture(make) for name, make in pictures.ALL.items()}
ALL: dict[str, Make] = {**PICTURES, **FORMS, **TENSORS}
