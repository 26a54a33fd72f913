"""What other Python libraries take to read a capture, each in its own words: python bench/peers.py NAME FILE."""

import sys


def dpkt(path: str) -> int:
    """Ethernet objects, which hold IP and TCP objects; no reassembly."""
    from dpkt import ethernet, pcap

    with open(path, "rb") as file:
        return sum(1 for _, data in pcap.Reader(file) if ethernet.Ethernet(data).data)


def scapy(path: str) -> int:
    """Packets of layers; no reassembly."""
    from scapy.layers import inet, l2  # noqa: F401  (without them packets stay raw bytes)
    from scapy.utils import PcapReader

    with PcapReader(path) as reader:
        return sum(1 for _ in reader)


if __name__ == "__main__":
    print({"dpkt": dpkt, "scapy": scapy}[sys.argv[1]](sys.argv[2]))
