"""Build ICC profiles: matrix/TRC profiles for RGB, and single-curve profiles for gray."""

import struct

D50 = (0.9642, 1.0, 0.8249)
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Primaries of Adobe RGB (1998), adapted to D50."""


def s15_fixed16(*values):
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def gamma(value):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def table(values):
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def parametric(kind, *values):
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + s15_fixed16(*values)


def profile(curve, space=b"RGB ", primaries=ADOBE_RGB):
    """Return the bytes of a profile with the description `test`."""
    xyz = {
        name: b"XYZ " + bytes(4) + s15_fixed16(*value)
        for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": b"XYZ " + bytes(4) + s15_fixed16(*D50),
    }
    tags |= {b"kTRC": curve} if space == b"GRAY" else xyz | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    tag_table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        tag_table += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + s15_fixed16(*D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + tag_table + body
