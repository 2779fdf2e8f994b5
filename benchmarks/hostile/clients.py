"""What hostile clients do with connections: each function is one attack, named after what it does.

Every attack comes from an address of its own on the loopback, so a service may tell clients apart.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from benchmarks.hostile import bodies, pictures

PIECE = 1 << 16
PATIENCE = 60.0  # seconds that a client waits for an answer
HOLD = 25.0  # seconds that a client holds what it has; more than the service's patience
FLOOD = 600  # connections of one client
KEPT = 4000  # bytes of an answer
MEGABYTES = 40  # of what has no end


class Target(NamedTuple):
    """A service, and the client's own address."""

    host: str
    port: int
    source: str = "127.0.0.1"


# It returns the answer's status, or "closed" or "no answer".
Attack = Callable[[Target], Awaitable[str]]
NO_ANSWER = "no answer"
Pieces = Iterable[bytes]


async def opened(target: Target, receive: int | None = None) -> socket.socket:
    """Return a connection; `receive` bytes of answers fit into its buffer."""
    client = socket.socket()
    client.setblocking(False)
    if receive is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    try:
        client.bind((target.source, 0))
        await asyncio.get_running_loop().sock_connect(client, (target.host, target.port))
    except BaseException:
        client.close()
        raise
    return client


def leave(client: socket.socket) -> None:
    """Close a connection by a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def send(client: socket.socket, pieces: Pieces, pause: float = 0) -> None:
    """Send pieces until they or the connection end."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        for piece in pieces:
            await loop.sock_sendall(client, piece)
            await asyncio.sleep(pause)


async def status_of_answer(client: socket.socket) -> str:
    """Read until the connection ends; return the first answer's status, or "closed"."""
    loop, answer = asyncio.get_running_loop(), b""
    with contextlib.suppress(OSError):
        while part := await loop.sock_recv(client, PIECE):
            answer = answer[:KEPT] + part[:KEPT]
    return status(answer)


def status(answer: bytes) -> str:
    """Return the status of an answer; "closed" where there is none."""
    words = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").split(b" ", 2)
    known = answer.startswith(b"HTTP/1.") and len(words) > 1
    return words[1].decode("latin-1") if known else "closed"


async def exchange(
    target: Target, pieces: Pieces, pause: float = 0, seconds: float | None = None
) -> str:
    """Send pieces, and read what comes meanwhile, until the service closes the connection."""
    try:
        client = await opened(target)
    except OSError:
        return "closed"
    sending = asyncio.create_task(send(client, pieces, pause))
    try:
        async with asyncio.timeout(seconds or PATIENCE):
            return await status_of_answer(client)
    except TimeoutError:
        return NO_ANSWER
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.close()


async def hold(target: Target, pieces: Pieces, pause: float = 0, receive: int | None = None) -> str:
    """Send pieces and read nothing, for HOLD seconds."""
    try:
        client = await opened(target, receive)
    except OSError:
        return "closed"
    try:
        async with asyncio.timeout(HOLD):
            await send(client, pieces, pause)
            await asyncio.sleep(HOLD)
    except TimeoutError:
        pass
    finally:
        client.close()
    return "not read"


def closing(body: bodies.Body) -> bytes:
    """Return a request that asks for the end of its connection."""
    return body._replace(headers=body.headers | {"connection": "close"}).head() + body.content


async def post(target: Target, body: bodies.Body) -> str:
    """Send a body and read the answer."""
    return await exchange(target, [closing(body)])


async def post_and_leave(target: Target, body: bodies.Body) -> str:
    """Send a whole body and leave by a reset a moment later."""
    try:
        client = await opened(target)
    except OSError:
        return "closed"
    try:
        async with asyncio.timeout(PATIENCE):
            await send(client, [body.head() + body.content])
            await asyncio.sleep(0.05)
    except TimeoutError:
        return NO_ANSWER
    finally:
        leave(client)
    return "left"


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "host: here", *headers, "", ""]).encode()


def many(unit: bytes, megabytes: int = MEGABYTES) -> Iterator[bytes]:
    """Return pieces of the same few bytes."""
    piece = unit * (PIECE // len(unit))
    return (piece for _ in range(megabytes * 1_000_000 // len(piece)))


def after(start: bytes, pieces: Pieces) -> Iterator[bytes]:
    yield start
    yield from pieces


def letters(content: bytes) -> Iterator[bytes]:
    return (content[at : at + 1] for at in range(len(content)))


CHUNKED = (
    b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-type: image/png\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)
LENGTH = (
    b"POST /predict HTTP/1.1\r\nhost: here\r\ncontent-type: image/png\r\ncontent-length: %b\r\n\r\n"
)
BEGUN = b"GET / HTTP/1.1\r\nhost: here\r\n"


# Heads


async def megabytes_of_short_headers(target: Target) -> str:
    return await exchange(target, after(BEGUN, many(b"a: b\r\n")))


async def megabytes_of_short_headers_that_end(target: Target) -> str:
    end = b"connection: close\r\n\r\n"
    return await exchange(target, after(BEGUN, [*many(b"a: b\r\n"), end]))


async def megabytes_of_headers_in_a_request_to_upgrade(target: Target) -> str:
    """A service that ignores upgrades may parse its head twice."""
    start = BEGUN + b"connection: upgrade\r\nupgrade: h2c\r\n"
    return await exchange(target, after(start, [*many(b"a: b\r\n"), b"\r\n"]))


async def one_header_of_megabytes(target: Target) -> str:
    return await exchange(target, after(BEGUN + b"a: ", [*many(b"b", 10), b"\r\n\r\n"]))


async def one_header_name_of_megabytes(target: Target) -> str:
    return await exchange(target, after(BEGUN, [*many(b"b", 10), b": a\r\n\r\n"]))


async def an_address_of_megabytes(target: Target) -> str:
    return await exchange(target, after(b"GET /", [*many(b"a", 10), b" HTTP/1.1\r\n\r\n"]))


async def an_address_of_escapes(target: Target) -> str:
    return await exchange(target, after(b"GET /", [*many(b"%C3%A9", 10), b" HTTP/1.1\r\n\r\n"]))


async def an_address_with_a_long_query(target: Target) -> str:
    start = b"POST /predict?"
    return await exchange(target, after(start, [*many(b"top=1&", 10), b"top=1 HTTP/1.1\r\n\r\n"]))


async def a_method_of_megabytes(target: Target) -> str:
    return await exchange(target, many(b"A", 10))


async def empty_lines_without_a_request(target: Target) -> str:
    return await exchange(target, many(b"\r\n"), seconds=HOLD)


async def what_is_no_http(target: Target) -> str:
    """The first bytes of TLS, and noise."""
    return await exchange(target, [b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500)])


async def two_lengths(target: Target) -> str:
    """What proxies and servers may understand in different ways."""
    return await exchange(
        target, [CHUNKED.replace(b"host", b"content-length: 3\r\nhost"), b"0\r\n\r\n"]
    )


async def a_length_of_many_digits(target: Target) -> str:
    return await exchange(target, [LENGTH % (b"9" * 5000)])


async def a_length_below_nothing(target: Target) -> str:
    return await exchange(target, [LENGTH % b"-1"])


# Bodies


async def trailers_without_end(target: Target) -> str:
    return await exchange(target, after(CHUNKED + b"1\r\nx\r\n0\r\n", many(b"a: b\r\n")))


async def one_trailer_of_megabytes(target: Target) -> str:
    return await exchange(target, after(CHUNKED + b"1\r\nx\r\n0\r\na: ", many(b"b")))


async def long_chunk_extensions(target: Target) -> str:
    unit = b"1;" + b"a" * 16_000 + b"\r\nx\r\n"
    return await exchange(target, after(CHUNKED, many(unit)))


async def one_chunk_extension_without_end(target: Target) -> str:
    return await exchange(target, after(CHUNKED + b"1;", many(b"a")))


async def chunks_of_one_byte(target: Target) -> str:
    pieces = [*many(b"1\r\nx\r\n", 60), b"0\r\n\r\n"]
    return await exchange(target, after(CHUNKED, pieces))


async def a_chunk_of_many_digits(target: Target) -> str:
    return await exchange(target, [CHUNKED + b"f" * 5000 + b"\r\n"])


async def a_body_that_never_comes(target: Target) -> str:
    return await exchange(target, [LENGTH % b"9000000"])


async def a_body_that_is_awaited(target: Target) -> str:
    head = (LENGTH % b"9000000").replace(b"host", b"expect: 100-continue\r\nhost")
    return await exchange(target, [head])


async def a_body_of_which_a_byte_lacks(target: Target) -> str:
    """The service keeps all of it, and waits."""
    return await exchange(target, [LENGTH % b"9900000" + bytes(9_899_999)])


async def half_a_body_and_gone(target: Target) -> str:
    body = bodies.Body("/predict", {"content-type": "image/png"}, bytes(19_900_000))
    return await post_and_leave(target, body._replace(content=body.content[:10_000_000]))


# Slow clients


async def a_head_letter_by_letter(target: Target) -> str:
    head = get("/", f"a: {'b' * 200}")
    return await exchange(target, letters(head), pause=0.5)


async def a_body_letter_by_letter(target: Target) -> str:
    return await exchange(target, after(LENGTH % b"200", letters(bytes(200))), pause=0.5)


async def answers_that_are_taken_letter_by_letter(target: Target) -> str:
    """Answers of megabytes, taken byte by byte."""
    try:
        client = await opened(target, receive=4096)
    except OSError:
        return "closed"
    request = closing(bodies.tensor_of_the_most_images())
    sending = asyncio.create_task(send(client, [request]))
    loop, answer = asyncio.get_running_loop(), b""
    try:
        async with asyncio.timeout(2 * HOLD):
            while part := await loop.sock_recv(client, 1):
                answer += part
                await asyncio.sleep(0.2)
    except (TimeoutError, OSError):
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.close()
    return status(answer + b" ")


async def large_answers_that_nobody_takes(target: Target) -> str:
    request = bodies.tensor_of_the_most_images()
    return await hold(target, [request.head() + request.content] * 50, receive=4096)


async def an_id_of_megabytes_that_nobody_takes(target: Target) -> str:
    request = bodies.id_of_megabytes()
    return await hold(target, [request.head() + request.content] * 50, receive=4096)


async def pages_that_nobody_takes(target: Target) -> str:
    return await hold(target, [get("/") * 1000] * 20, receive=4096)


async def metrics_that_nobody_takes(target: Target) -> str:
    return await hold(target, [get("/metrics") * 1000] * 20, receive=4096)


async def requests_in_one_piece(target: Target) -> str:
    """Ten thousand, and their answers are read."""
    requests = [get("/v2/health/live") * 1000] * 10
    return await exchange(target, [*requests, get("/v2/health/live", "connection: close")])


async def pictures_in_one_piece(target: Target) -> str:
    body = bodies.picture(partial(pictures.png, 28, 28))()
    request = body.head() + body.content
    return await exchange(target, [request * 500] * 4 + [get("/v2", "connection: close")])


# Connections


async def connections_that_say_nothing(target: Target) -> str:
    return await _flood(target, b"")


async def connections_that_begin_a_request(target: Target) -> str:
    return await _flood(target, LENGTH % b"100" + b"x")


async def connections_that_stay_after_an_answer(target: Target) -> str:
    return await _flood(target, get("/v2/health/live"))


async def connections_that_come_and_go(target: Target) -> str:
    for _ in range(FLOOD):
        try:
            leave(await opened(target))
        except OSError:
            return "closed"
    return "left"


async def half_closed_connections(target: Target) -> str:
    """A client may say that it sends no more, and still want its answer."""
    try:
        client = await opened(target)
    except OSError:
        return "closed"
    try:
        async with asyncio.timeout(HOLD):
            await send(client, [get("/v2/health/live", "connection: close")])
            client.shutdown(socket.SHUT_WR)
            return await status_of_answer(client)
    except (TimeoutError, OSError):
        return NO_ANSWER
    finally:
        client.close()


async def half_closed_connections_without_a_body(target: Target) -> str:
    try:
        client = await opened(target)
    except OSError:
        return "closed"
    try:
        async with asyncio.timeout(2 * HOLD):
            await send(client, [LENGTH % b"100"])
            client.shutdown(socket.SHUT_WR)
            return await status_of_answer(client)
    except (TimeoutError, OSError):
        return NO_ANSWER
    finally:
        client.close()


async def _flood(target: Target, sent: bytes) -> str:
    """Open many connections, send a little on each, hold them; say how many there were."""
    clients: list[socket.socket] = []
    try:
        async with asyncio.timeout(HOLD):
            for _ in range(FLOOD):
                client = await opened(target)
                clients.append(client)
                await send(client, [sent] if sent else [])
            await asyncio.sleep(HOLD)
    except (TimeoutError, OSError):
        pass
    finally:
        for client in clients:
            client.close()
    return "held" if len(clients) == FLOOD else "closed"


def _left(make: bodies.Make) -> Attack:
    async def attack(target: Target) -> str:
        return await post_and_leave(target, make())

    return attack


BEHAVIOURS: dict[str, Attack] = {
    attack.__name__.replace("_", " "): attack
    for attack in (
        megabytes_of_short_headers,
        megabytes_of_short_headers_that_end,
        megabytes_of_headers_in_a_request_to_upgrade,
        one_header_of_megabytes,
        one_header_name_of_megabytes,
        an_address_of_megabytes,
        an_address_of_escapes,
        an_address_with_a_long_query,
        a_method_of_megabytes,
        empty_lines_without_a_request,
        what_is_no_http,
        two_lengths,
        a_length_of_many_digits,
        a_length_below_nothing,
        trailers_without_end,
        one_trailer_of_megabytes,
        long_chunk_extensions,
        one_chunk_extension_without_end,
        chunks_of_one_byte,
        a_chunk_of_many_digits,
        a_body_that_never_comes,
        a_body_that_is_awaited,
        a_body_of_which_a_byte_lacks,
        half_a_body_and_gone,
        a_head_letter_by_letter,
        a_body_letter_by_letter,
        answers_that_are_taken_letter_by_letter,
        large_answers_that_nobody_takes,
        an_id_of_megabytes_that_nobody_takes,
        pages_that_nobody_takes,
        metrics_that_nobody_takes,
        requests_in_one_piece,
        pictures_in_one_piece,
        connections_that_say_nothing,
        connections_that_begin_a_request,
        connections_that_stay_after_an_answer,
        connections_that_come_and_go,
        half_closed_connections,
        half_closed_connections_without_a_body,
    )
}
# Expensive work for clients that don't wait for it.
LEAVING: dict[str, Attack] = {
    f"{name}, and gone": _left(make)
    for name, make in (
        ("a form of the worst pictures", bodies.form_of_the_worst_pictures),
        ("images as lists", bodies.data_of_the_most_images_as_lists),
        ("the most images", bodies.tensor_of_the_most_images),
        (
            "a slow picture",
            bodies.picture(pictures.interlaced_png_of_16_bits_of_the_most_pixels, "/explain"),
        ),
    )
}
