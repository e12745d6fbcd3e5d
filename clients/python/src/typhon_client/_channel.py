"""What both clients say to gRPC of a connection and of each call."""

from __future__ import annotations

import uuid

import grpc

#: Larger than any message the server sends by default.
MESSAGE_MAX = 64 << 20

CHANNEL_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MESSAGE_MAX),
    ("grpc.max_send_message_length", MESSAGE_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]

#: A proxy in front of several servers sends all calls with one value of this to one server (deploy/haproxy.cfg).
AFFINITY = "typhon-affinity"

Metadata = tuple[tuple[str, str], ...]


def metadata(token: str | None, affinity: str = "") -> Metadata:
    made: list[tuple[str, str]] = []
    if token is not None:
        made.append(("authorization", f"Bearer {token}"))
    if affinity:
        made.append((AFFINITY, affinity))
    return tuple(made)


def new_affinity() -> str:
    return uuid.uuid4().hex


def target(address: str) -> str:
    """gRPC's form of an address; a URL's is taken too."""
    return address.removeprefix("http://").removeprefix("https://").rstrip("/")


def is_secure(address: str, credentials: grpc.ChannelCredentials | None) -> bool:
    return credentials is not None or address.startswith("https://")
