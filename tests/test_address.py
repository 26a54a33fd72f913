"""The key of a segment, and the ends that it names."""

from rtmpscope.net.address import endpoints, ports, reverse

V4 = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (50_000).to_bytes(2, "big") + (1935).to_bytes(2, "big")
V6 = bytes(15) + b"\1" + bytes.fromhex("20010db8") + bytes(12) + (80).to_bytes(2, "big") + (443).to_bytes(2, "big")


def test_key_gives_both_ends() -> None:
    assert [str(end) for end in endpoints(V4)] == ["10.0.0.1:50000", "10.0.0.2:1935"]
    assert [str(end) for end in endpoints(V6)] == ["[::1]:80", "[2001:db8::]:443"]


def test_ports_come_as_numbers() -> None:
    assert (ports(V4), ports(V6)) == ((50_000, 1935), (80, 443))


def test_reversed_key_is_that_of_the_answer() -> None:
    for key in (V4, V6):
        source, destination = endpoints(key)
        assert [str(end) for end in endpoints(reverse(key))] == [str(destination), str(source)]
        assert reverse(reverse(key)) == key
