#!/usr/bin/env python3
"""Makes one mutant of the C header or of a built extension.

usage: mutate.py header RULE IN OUT    rewrites heddle_extension.h by a rule of HEADER_RULES
       mutate.py binary RULE IN OUT    rewrites a shared object by a rule of BINARY_RULES

A header rule changes struct, layout row and count together, as a compiler with another definition would, and drops the
static assertions, which would stop the compilation. A binary rule patches bytes found through the ELF symbol table.
"""

import re
import struct
import sys


def once(text, old, new):
    if text.count(old) != 1:
        sys.exit(f"mutate.py: {text.count(old)} occurrences of {old!r}, expected 1; the header changed, adapt the rule")
    return text.replace(old, new)


def add_row(text, before, row):
    """Puts a layout row before or after an existing one and counts it."""
    where, anchor = before
    line = re.search(r"^ *HEDDLE_FIELD_ROW\(" + re.escape(anchor) + r".*$", text, re.M).group(0)
    new = f"        HEDDLE_FIELD_ROW({row}), \\"
    text = text.replace(line, f"{new}\n{line}" if where == "before" else f"{line}\n{new}")
    rows = int(re.search(r"#define HEDDLE_LAYOUT_ROWS (\d+)", text).group(1))
    return text.replace(f"#define HEDDLE_LAYOUT_ROWS {rows}", f"#define HEDDLE_LAYOUT_ROWS {rows + 1}")


def batch_body(text):
    start = text.index("struct heddle_batch_t {")
    return start, text.index("\n};", start)


def in_batch(text, old, new):
    start, end = batch_body(text)
    return text[:start] + once(text[start:end], old, new) + text[end:]


def batch_appended(text):
    text = in_batch(text, "    uint8_t *draft_base;", "    uint8_t *draft_base;\n    uint64_t extra;")
    return add_row(text, ("after", '"Batch", heddle_batch_t, draft_base'),
                   '"Batch", heddle_batch_t, extra, "u64", HEDDLE_KIND_GROWABLE')


def batch_appended_newer(text):
    text = batch_appended(text)
    minor = int(re.search(r"#define HEDDLE_ABI_MINOR (\d+)\n", text).group(1))
    return once(text, f"#define HEDDLE_ABI_MINOR {minor}\n", f"#define HEDDLE_ABI_MINOR {minor + 1}\n")


def batch_prepended(text):
    text = in_batch(text, "struct heddle_batch_t {", "struct heddle_batch_t {\n    uint64_t extra;")
    return add_row(text, ("before", '"Batch", heddle_batch_t, struct_size'),
                   '"Batch", heddle_batch_t, extra, "u64", HEDDLE_KIND_GROWABLE')


def swap_lines(text, first, second):
    text = once(text, first, "@@").replace(second, first, 1)
    return once(text, "@@", second)


def batch_reordered(text):
    text = swap_lines(text, "    uint64_t now_ns;", "    uint32_t worker;")
    row = '        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, {}, "{}", HEDDLE_KIND_GROWABLE), \\'
    return swap_lines(text, row.format("now_ns", "u64"), row.format("worker", "u32"))


def batch_type_changed(text):
    text = in_batch(text, "    uint32_t count;", "    int32_t count;")
    return once(text, 'HEDDLE_FIELD_ROW("Batch", heddle_batch_t, count, "u32"',
                'HEDDLE_FIELD_ROW("Batch", heddle_batch_t, count, "i32"')


def packet_appended(text):
    text = once(text, "    uint8_t reserved[7];", "    uint8_t reserved[7];\n    uint32_t extra;")
    return add_row(text, ("after", '"Packet", heddle_packet_t, reserved'),
                   '"Packet", heddle_packet_t, extra, "u32", HEDDLE_KIND_FROZEN')


def function_changed(text):
    return once(text, 'HEDDLE_FUNCTION_ROW("ReleaseFn", heddle_release_fn, "', 'HEDDLE_FUNCTION_ROW("ReleaseFn", '
                'heddle_release_fn, "fn(u64,)->i32" "\\0')


def define(name, value):
    def rule(text):
        return re.sub(rf"^#define {name} .*$", f"#define {name} {value}", text, count=1, flags=re.M)
    return rule


HEADER_RULES = {
    "batch-appended": batch_appended,
    "batch-appended-newer": batch_appended_newer,
    "batch-prepended": batch_prepended,
    "batch-reordered": batch_reordered,
    "batch-type-changed": batch_type_changed,
    "packet-appended": packet_appended,
    "function-changed": function_changed,
    "constant-changed": define("HEDDLE_VERDICT_DROP", "7"),
    "abi-major-2": define("HEDDLE_ABI_MAJOR", "2"),
    "host-minor-99": define("HEDDLE_MIN_HOST_MINOR", "99"),
}


class Elf:
    """Just enough of a little-endian ELF64 shared object to find a symbol of .dynsym."""

    def __init__(self, data):
        self.data = bytearray(data)
        (self.shoff,) = struct.unpack_from("<Q", data, 40)
        self.shentsize, self.shnum = struct.unpack_from("<HH", data, 58)

    def sections(self):
        for i in range(self.shnum):
            at = self.shoff + i * self.shentsize
            yield i, struct.unpack_from("<IIQQQQIIQQ", self.data, at)

    def symbol(self, name):
        """Offset of the symbol table entry, and offset of the symbol's bytes in the file."""
        headers = dict(self.sections())
        for header in headers.values():
            if header[1] != 11:
                continue
            strings = headers[header[6]][4]
            for at in range(header[4], header[4] + header[5], 24):
                st_name, _, _, shndx, value, _ = struct.unpack_from("<IBBHQQ", self.data, at)
                end = self.data.index(0, strings + st_name)
                if bytes(self.data[strings + st_name:end]).decode() == name:
                    section = headers[shndx]
                    return at, value - section[3] + section[4]
        sys.exit(f"mutate.py: no dynamic symbol {name}")


def patch(symbol, offset, new):
    def rule(data):
        elf = Elf(data)
        at = elf.symbol(symbol)[1] + offset
        elf.data[at:at + len(new)] = new
        return elf.data
    return rule


def patch_file(offset, new):
    def rule(data):
        data = bytearray(data)
        data[offset:offset + len(new)] = new
        return data
    return rule


def symbol_size(symbol, size):
    def rule(data):
        elf = Elf(data)
        struct.pack_into("<Q", elf.data, elf.symbol(symbol)[0] + 16, size)
        return elf.data
    return rule


META = "heddle_extension_meta"
BINARY_RULES = {
    "bad-magic": patch(META, 0, b"HEDDLE\0\x02"),
    "record-size": patch(META, 8, struct.pack("<I", 200)),
    "big-endian-record": patch(META, 19, b"\x02"),
    "unknown-role": patch(META, 18, b"\x09"),
    "unknown-capability": patch(META, 24 + 7, b"\x80"),
    "empty-id": patch(META, 32, b"\0"),
    "name-not-utf8": patch(META, 96, b"\xff\xfe"),
    "layout-rows-huge": patch(META, 20, struct.pack("<I", 0xFFFFFFFF)),
    "wrong-architecture": patch_file(18, struct.pack("<H", 183)),
    "big-endian": patch_file(5, b"\x02"),
    "elf-32-bit": patch_file(4, b"\x01"),
    "not-shared": patch_file(16, struct.pack("<H", 2)),
    "truncated-header": lambda data: data[:40],
    "truncated": lambda data: data[:len(data) // 2],
    "section-table-outside": patch_file(40, struct.pack("<Q", 1 << 40)),
    "entry-symbol-short": symbol_size("heddle_extension_v1", 40),
    "meta-symbol-short": symbol_size(META, 100),
    "empty": lambda data: b"",
    "not-elf": lambda data: b"#!/bin/sh\necho no extension\n",
}


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("header", "binary"):
        sys.exit(__doc__)
    _, kind, rule, source, target = sys.argv
    if kind == "header":
        with open(source, encoding="utf-8") as file:
            text = file.read()
        changed = HEADER_RULES[rule](text)
        if changed == text:
            sys.exit(f"mutate.py: {rule} changes nothing; the header changed, adapt the rule")
        changed = re.sub(r"^HEDDLE_STATIC_ASSERT\(.*\n", "", changed, flags=re.M)
        with open(target, "w", encoding="utf-8") as file:
            file.write(changed)
    else:
        with open(source, "rb") as file:
            data = file.read()
        changed = bytes(BINARY_RULES[rule](data))
        if changed == data:
            sys.exit(f"mutate.py: {rule} changes nothing")
        with open(target, "wb") as file:
            file.write(changed)


main()
