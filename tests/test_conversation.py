"""What a connection is found to be: RTMP on any port, or named for what it carries; and who is its client."""

from __future__ import annotations

import pytest

from rtmpscope.conversation import carried
from rtmpscope.engine import Engine
from rtmpscope.limits import TRIAL_BYTES
from rtmpscope.model import C2S, S2C, Handshake
from tests import wire
from tests.runs import Run, built_in, run
from tests.sender import SESSIONS
from tests.wire import ChunkWriter, Tcp, command

CLIENT = ("10.0.0.1", 50000)
ON_PORT, OFF_PORT = ("10.0.0.2", 1935), ("10.0.0.2", 8443)
C2S_START, S2C_START = wire.handshake()
CONNECT = command("connect", 1, {"app": "live", "tcUrl": "rtmp://10.0.0.2/live"})
CONNECTED = command("_result", 1, None, {"level": "status", "code": "NetConnection.Connect.Success"})


def audio(count: int) -> list[bytes]:
    """AAC messages, the header of each complete."""
    writer = ChunkWriter()
    return [writer.message(4, 8, b"\xaf\x01" + wire.filler(60, i), 23 * i, 1, fmt=0) for i in range(count)]


def tcp(server: tuple[str, int]) -> Tcp:
    return Tcp(CLIENT, server)


def said_of(talk: Tcp, at_once: int = 0, ports: frozenset[int] = frozenset((1935,))) -> Run:
    return run(wire.packets(talk.frames), at_once, ports)


# --- naming what the first bytes are ---------------------------------------------------------------------

CARRIED = [
    (b"\x03", "rtmp"),
    (b"\x06", "rtmpe"),
    (b"\x08", "rtmpe"),
    (b"\x09", "rtmpe"),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "tls"),
    (b"\x15\x03\x03\x00\x02\x02\x28", "tls"),
    (b"GET /live HTTP/1.1\r\n\r\n", "http"),
    (b"POST /open/1 HTTP/1.1\r\n\r\n", "http"),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", "http"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "ssh"),
    (b"<policy-file-request/>\x00", "policy_file"),
    (b"220 mail.example ESMTP\r\n", "unknown"),
]


@pytest.mark.parametrize(("data", "name"), CARRIED)
def test_first_bytes_on_the_port_name_what_is_carried(data: bytes, name: str) -> None:
    assert carried(data, True) == name
    said = said_of(tcp(ON_PORT).open().send(C2S, data).close())
    (connection,) = said.connections
    assert connection.carries == name
    assert not said.messages()


@pytest.mark.parametrize(("data", "name"), CARRIED)
def test_on_other_ports_what_is_not_rtmp_is_not_reported(data: bytes, name: str) -> None:
    c2s, s2c = data + wire.filler(3072, 1), data + wire.filler(3072, 2)
    said = said_of(tcp(OFF_PORT).open().send(C2S, c2s).send(S2C, s2c).close())
    assert not said.connections and not said.events


def test_connection_without_a_byte_is_bare_tcp_on_the_port_and_nothing_elsewhere() -> None:
    (connection,) = said_of(tcp(ON_PORT).open().close()).connections
    assert connection.carries == "nothing"
    assert not said_of(tcp(OFF_PORT).open().close()).connections


def test_tls_that_starts_in_the_middle_is_no_rtmp() -> None:
    said = said_of(tcp(ON_PORT).send(C2S, b"\x17\x03\x03\x10\x00" + wire.filler(4096)))
    assert said.connections[0].carries == "tls" and not said.messages()


@pytest.mark.parametrize("at_once", [0, 1, 3])
@pytest.mark.parametrize(("first", "name"), [(C2S, "rtmp"), (S2C, "http")])
def test_side_that_is_seen_first_says_what_is_carried(first: int, name: str, at_once: int) -> None:
    """The client begins a handshake and the server speaks HTTP."""
    data = {C2S: C2S_START[:1537], S2C: b"HTTP/1.1 400 Bad Request\r\n\r\n"}
    talk = tcp(ON_PORT).open().send(first, data[first]).send(1 - first, data[1 - first]).close()
    (connection,) = said_of(talk, at_once).connections
    assert connection.carries == name


@pytest.mark.parametrize("at_once", [0, 1])
def test_first_segment_names_what_is_carried(at_once: int) -> None:
    talk = tcp(ON_PORT).open().send(C2S, b"GET / HTTP/1.1\r\n\r\n", [2]).close()
    assert said_of(talk, at_once).connections[0].carries == "unknown"


def test_encrypted_rtmp_keeps_its_handshake_and_makes_no_messages() -> None:
    c2s, s2c = wire.handshake(772, version=6)
    talk = tcp(ON_PORT).open().send(C2S, c2s[:1537]).send(S2C, s2c).send(C2S, c2s[1537:])
    said = said_of(talk.send(C2S, wire.filler(5000, 7)).send(S2C, wire.filler(5000, 8)).close())
    assert said.connections[0].carries == "rtmpe"
    assert len(said.of(Handshake)) == 6 and not said.messages()


# --- any port --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digest", [None, 8, 772])
def test_handshake_is_proof_on_any_port(digest: int | None) -> None:
    c2s, s2c = wire.handshake(digest)
    said = run(wire.packets(wire.conversation(c2s, s2c, tcp(OFF_PORT))))
    assert [part.part for part in said.of(Handshake)] == ["C0", "C1", "S0", "S1", "S2", "C2"]
    (connection,) = said.connections
    assert (str(connection.client), connection.client_known_by) == ("10.0.0.1:50000", "syn")


@pytest.mark.parametrize("name", SESSIONS)
def test_session_says_the_same_on_a_port_that_nobody_named(name: str) -> None:
    packets = SESSIONS[name]().packets()
    known, trial = run(packets), run(packets, ports=frozenset((9,)))
    assert [m.payload for m in trial.messages()] == [m.payload for m in known.messages()]
    assert [m.number for m in trial.messages()] == [m.number for m in known.messages()]


def test_two_blocks_of_noise_that_begin_with_3_are_no_handshake() -> None:
    noise = [b"\x03" + wire.filler(6000, seed) for seed in (11, 12)]
    assert not said_of(tcp(OFF_PORT).open().send(C2S, noise[0]).send(S2C, noise[1]).close()).connections


def test_an_echo_of_such_noise_is_proof() -> None:
    client, server, answer = (wire.filler(1536, seed) for seed in (11, 12, 13))
    for c2, s2 in ((answer, wire.echo(client, 5)), (wire.echo(server, 5), answer)):
        frames = wire.conversation(b"\x03" + client + c2, b"\x03" + server + s2, tcp(OFF_PORT))
        assert len(run(wire.packets(frames)).of(Handshake)) == 6


def test_port_named_by_the_user_needs_no_proof() -> None:
    talk = tcp(OFF_PORT).open().send(C2S, C2S_START[:1537])
    assert not said_of(talk).connections
    assert len(said_of(talk, ports=frozenset((8443,))).connections) == 1


@pytest.mark.parametrize("count", [2, 12])
def test_messages_are_proof_where_the_beginning_is_missing(count: int) -> None:
    """One direction, no SYN, no handshake: several sure messages open the connection, fewer do not."""
    said = said_of(tcp(OFF_PORT).send(S2C, b"".join(audio(count)), [74] * count))
    found = [message.type_id for message in said.messages()]
    assert (len(said.connections), found) == ((1, [8] * count) if count > 2 else (0, []))


def test_proof_has_to_come_within_the_first_bytes() -> None:
    late = b"".join(audio(50))
    assert not said_of(tcp(OFF_PORT).send(S2C, bytes(TRIAL_BYTES)).send(S2C, late), at_once=1).connections
    assert said_of(tcp(OFF_PORT).send(S2C, bytes(TRIAL_BYTES - 1000)).send(S2C, late), at_once=1).connections


def test_what_was_given_up_holds_nothing() -> None:
    made = Engine(built_in())
    talk = tcp(OFF_PORT).open()
    for seed in range(8):
        talk.send(C2S, wire.filler(65_536, seed))
    made.feed(wire.packets(talk.frames))
    assert made.finish() == [] and made.connections == []


def test_events_before_the_proof_are_told_when_it_comes() -> None:
    """Nothing of a connection on another port is lost, and nothing of it is ready before its proof."""
    frames = wire.conversation(C2S_START + ChunkWriter().message(3, 20, CONNECT), S2C_START, tcp(OFF_PORT))
    said = run(wire.packets(frames), 1)
    proof = min(part.ready for part in said.of(Handshake))
    assert said.of(Handshake)[0].packet < proof
    assert all(event.ready >= proof for event in said.events)
    assert [m.payload for m in said.messages()] == [CONNECT]


# --- who is the client -----------------------------------------------------------------------------------


def without_syn(only: int | None) -> Run:
    """A connect and its answer, both sides or one."""
    talk = tcp(ON_PORT)
    c2s = C2S_START + ChunkWriter().message(3, 20, CONNECT)
    s2c = S2C_START + ChunkWriter().message(3, 20, CONNECTED)
    for direction, data in ((C2S, c2s[:1537]), (S2C, s2c[:3073]), (C2S, c2s[1537:]), (S2C, s2c[3073:])):
        if only in (None, direction):
            talk.send(direction, data, acked=only is None)
    return said_of(talk)


@pytest.mark.parametrize("only", [None, C2S, S2C])
def test_port_tells_the_client_where_the_syn_is_missing(only: int | None) -> None:
    said = without_syn(only)
    (connection,) = said.connections
    assert (str(connection.client), connection.client_known_by) == ("10.0.0.1:50000", "port")
    directions = [C2S, S2C] if only is None else [only]
    assert [(m.direction, m.type_id) for m in said.messages()] == [(direction, 20) for direction in directions]
    assert {part.part[0] for part in said.of(Handshake)} == {"CS"[direction] for direction in directions}


@pytest.mark.parametrize("first", [C2S, S2C])
@pytest.mark.parametrize("client", [("10.0.0.1", 50000), ("10.0.0.1", 80)])
@pytest.mark.parametrize(("type_id", "selector"), [(wire.COMMAND_AMF0, b""), (wire.COMMAND_AMF3, b"\0")])
def test_what_is_said_tells_the_client_where_neither_syn_nor_port_does(
    client: tuple[str, int], first: int, type_id: int, selector: bytes
) -> None:
    c2s, s2c = ChunkWriter(), ChunkWriter()
    talk = Tcp(client, OFF_PORT)
    for transaction in range(1, 8):
        asked = c2s.message(3, type_id, selector + command("createStream", transaction, None), fmt=0)
        answered = s2c.message(3, type_id, selector + command("_result", transaction, None, 1), fmt=0)
        sent = [(C2S, asked), (S2C, answered)]
        for direction, data in sent if first == C2S else reversed(sent):
            talk.send(direction, data)
    said = said_of(talk)
    (connection,) = said.connections
    assert (connection.client.port, connection.client_known_by) == (client[1], "guess")
    names = {m.direction: m.payload.removeprefix(selector)[3:9] for m in said.messages()}
    assert names == {C2S: b"create", S2C: b"_resul"}


@pytest.mark.parametrize(("digest", "first"), [(None, C2S), (8, C2S), (772, S2C)])
def test_handshake_tells_the_client_where_the_syn_is_missing(digest: int | None, first: int) -> None:
    """By who began, and where it is signed by whose key did, though packets were captured out of order."""
    c2s, s2c = wire.handshake(digest)
    talk = Tcp(("10.0.0.1", 80), OFF_PORT)
    for direction in (first, 1 - first):
        talk.send(direction, (c2s, s2c)[direction], acked=False)
    (connection,) = said_of(talk).connections
    assert (connection.client.port, connection.client_known_by) == (80, "handshake")


# --- many at once ----------------------------------------------------------------------------------------


def test_connections_do_not_disturb_each_other() -> None:
    """Taking turns packet by packet: RTMP here and there, and what is none of it."""
    stream = C2S_START + b"".join(audio(5))
    talks = [
        Tcp(("10.0.0.1", 50001), ON_PORT).open().send(C2S, stream).send(S2C, S2C_START),
        Tcp(("10.0.0.1", 50002), OFF_PORT).open().send(C2S, stream).send(S2C, S2C_START),
        Tcp(("10.0.0.1", 50003), OFF_PORT).open().send(C2S, wire.filler(4000)).send(S2C, wire.filler(3000)),
        Tcp(("10.0.0.1", 50004), ON_PORT).open().send(C2S, b"GET / HTTP/1.1\r\n\r\n"),
    ]
    packets = wire.packets(sorted(frame for talk in talks for frame in talk.close().frames))
    said = run(packets, 1)
    carries = {connection.client.port: connection.carries for connection in said.connections}
    assert carries == {50001: "rtmp", 50002: "rtmp", 50004: "http"}
    for connection in said.connections:
        count = 5 if connection.carries == "rtmp" else 0
        assert len(said.messages(connection.id)) == count
