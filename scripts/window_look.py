#!/usr/bin/env python3
"""What a picture of the window shows, for window_driver.sh.

Usage: window_look.py DUMP primary LEFT TOP RIGHT BOTTOM   the middle of the button that is filled (dark look)
       window_look.py DUMP picture LEFT TOP RIGHT BOTTOM   left, top, right, bottom of the micrograph
       window_look.py DUMP png FILE                        the same picture as PNG
LEFT to BOTTOM are shares of width and height: where to look. DUMP comes from xwd.
"""
import struct
import sys
import zlib

data = open(sys.argv[1], "rb").read()
head = struct.unpack(">25I", data[:100])
size, width, height, per_line, colours = head[0], head[4], head[5], head[12], head[19]
pixels = memoryview(data)[size + 12 * colours:]


def at(x, y):
    """Red, green and blue."""
    start = y * per_line + 4 * x
    return pixels[start + 2], pixels[start + 1], pixels[start]


def part():
    left, top, right, bottom = map(float, sys.argv[3:7])
    return int(left * width), int(top * height), int(right * width), int(bottom * height)


def primary():
    # 45 % of the accent over a ground of nearly black.
    accent, share = (0x56, 0xB4, 0xE9), 0.45

    def filled(x, y):
        ground = [(value - share * of) / (1 - share) for value, of in zip(at(x, y), accent)]
        return max(ground) - min(ground) < 8 and 10 < sum(ground) / 3 < 60

    left, top, right, bottom = part()
    best = (0, 0, 0)
    # A button is at least 16 px high and 40 px wide.
    for y in range(top, bottom, 4):
        x = left
        while x < right:
            if not filled(x, y):
                x += 8
                continue
            first, last = x, x
            while first > left and filled(first - 1, y):
                first -= 1
            while last + 1 < right and filled(last + 1, y):
                last += 1
            best = max(best, (last - first + 1, first, y))
            x = last + 8
    length, first, y = best
    if length < 40:
        return
    # Up and down its left end, where no letter is.
    upper = lower = y
    while upper > 0 and filled(first + 4, upper - 1):
        upper -= 1
    while lower + 1 < height and filled(first + 4, lower + 1):
        lower += 1
    print(first + length // 2, (upper + lower) // 2)


def picture():
    left, top, right, bottom = part()

    def ground(colour):
        """Whether this may be the ground of the window: a dark grey."""
        return max(colour) == min(colour) and 10 <= colour[0] <= 60

    def stretch(places):
        """The longest stretch without six pixels of ground in a row: a picture has few of them."""
        best, start, equal = (0, 0, 0), 0, 0
        for number, value in places:
            equal = equal + 1 if ground(value) else 0
            if equal >= 6:
                start = number + 1
            else:
                end = number + 1 - equal
                best = max(best, (end - start, start, end))
        return best

    # Several lines: one may pass over something dark.
    share = (0.4, 0.45, 0.5, 0.55, 0.6)
    columns = [int(left + (right - left) * part) for part in share]
    _, upper, lower = max(stretch((y, at(x, y)) for y in range(top, bottom)) for x in columns)
    rows = [int(upper + (lower - upper) * part) for part in share]
    _, first, last = max(stretch((x, at(x, y)) for x in range(left, right)) for y in rows)
    print(first, upper, last, lower)


def png(path):
    """Writes it with 256 colours: greys in steps of four, others coarser. Noise needs no more, and the file is small."""

    def coarse(red, green, blue):
        if max(red, green, blue) - min(red, green, blue) <= 6:
            return (green & 0xFC,) * 3
        return tuple(value & 0xF0 | 8 for value in (red, green, blue))

    known, counts = {}, {}
    image = []
    for y in range(height):
        line = bytes(pixels[y * per_line:y * per_line + 4 * width])
        row = []
        for start in range(0, 4 * width, 4):
            colour = line[start:start + 3]
            to = known.get(colour)
            if to is None:
                to = known[colour] = coarse(colour[2], colour[1], colour[0])
            counts[to] = counts.get(to, 0) + 1
            row.append(to)
        image.append(row)
    palette = sorted(counts, key=counts.get, reverse=True)[:256]
    places = {colour: place for place, colour in enumerate(palette)}
    for colour in counts:
        if colour not in places:
            off = [sum((a - b) ** 2 for a, b in zip(colour, other)) for other in palette]
            places[colour] = off.index(min(off))
    rows = b"".join(b"\0" + bytes(places[colour] for colour in row) for row in image)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)))
        out.write(chunk(b"PLTE", b"".join(map(bytes, palette))) + chunk(b"IDAT", zlib.compress(rows, 9)))
        out.write(chunk(b"IEND", b""))


{"primary": primary, "picture": picture}[sys.argv[2]]() if sys.argv[2] != "png" else png(sys.argv[3])
