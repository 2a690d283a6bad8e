/*
 * heddle_extension.h: the binary contract between the Heddle virtual switch and its extensions.
 *
 * Generated from extension-api/src/abi by `cargo run -p heddle-header -- write`; do not edit.
 *
 * An extension is a shared object that exports three tables: heddle_extension_meta (who it is), heddle_extension_layout
 * (what it was compiled against) and heddle_extension_v1 (its functions). HEDDLE_EXTENSION() below defines the first
 * two; the extension defines the third. C11 or C++11, gcc or clang:
 *
 *     gcc -std=c11 -shared -fPIC -fvisibility=hidden -I extension-api/include -o libmine.so mine.c
 */
#ifndef HEDDLE_EXTENSION_H
#define HEDDLE_EXTENSION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define HEDDLE_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define HEDDLE_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Makes a table visible to the switch, whatever -fvisibility says. */
#define HEDDLE_EXPORT __attribute__((visibility("default")))

typedef struct heddle_error_text_t heddle_error_text_t;
typedef struct heddle_bytes_t heddle_bytes_t;
typedef struct heddle_meta_t heddle_meta_t;
typedef struct heddle_layout_row_t heddle_layout_row_t;
typedef struct heddle_packet_t heddle_packet_t;
typedef struct heddle_offload_facts_t heddle_offload_facts_t;
typedef struct heddle_batch_t heddle_batch_t;
typedef struct heddle_port_info_t heddle_port_info_t;
typedef struct heddle_event_t heddle_event_t;
typedef struct heddle_destination_t heddle_destination_t;
typedef struct heddle_datagram_counts_t heddle_datagram_counts_t;
typedef struct heddle_vlan_counters_t heddle_vlan_counters_t;
typedef struct heddle_host_t heddle_host_t;
typedef struct heddle_extension_v1_t heddle_extension_v1_t;
typedef struct heddle_sample_t heddle_sample_t;
typedef struct heddle_sampling_v1_t heddle_sampling_v1_t;
typedef struct heddle_dropped_t heddle_dropped_t;
typedef struct heddle_drops_v1_t heddle_drops_v1_t;
typedef struct heddle_config_key_t heddle_config_key_t;
typedef struct heddle_config_v1_t heddle_config_v1_t;
typedef struct heddle_state_piece_t heddle_state_piece_t;
typedef struct heddle_state_v1_t heddle_state_v1_t;
typedef struct heddle_feature_t heddle_feature_t;
typedef struct heddle_property_t heddle_property_t;
typedef struct heddle_policy_v1_t heddle_policy_v1_t;

/*
 * Status codes: what every ABI function returns.
 *
 * Zero is success, negative is a failure with a name. An extension's own text goes into the caller's ErrorText.
 */

/* Success. */
#define HEDDLE_OK 0

/* An argument is out of range or names nothing. */
#define HEDDLE_E_INVALID (-1)

/* A limit is reached (pool, quota, table); may work later. */
#define HEDDLE_E_FULL (-2)

/* The role, leg or state does not allow this call. */
#define HEDDLE_E_FORBIDDEN (-3)

/* The thing named does not exist (any more). */
#define HEDDLE_E_GONE (-4)

/* A veto: the extension refuses the control request for good. */
#define HEDDLE_E_VETO (-5)

/* The extension's code panicked; returned by the panic guard only. */
#define HEDDLE_E_PANIC (-6)

/* The configuration is not acceptable; the text says why. */
#define HEDDLE_E_CONFIG (-7)

/* Not available right now, may be tried again. */
#define HEDDLE_E_AGAIN (-8)

/* Any other failure; the text says why. */
#define HEDDLE_E_FAILED (-9)

/* Room for an error text, in bytes. */
#define HEDDLE_ERROR_TEXT_LEN 512

/* Error text, allocated by the caller and filled by the callee. 516 bytes. */
struct heddle_error_text_t {
    /* Number of bytes used. */
    uint32_t length;
    /* UTF-8 text; cut at a character when too long. */
    uint8_t text[512];
};

/* A borrowed run of bytes; valid until the call returns. Null with length 0 is an empty one. */
struct heddle_bytes_t {
    /* First byte. */
    const uint8_t *data;
    /* Number of bytes. */
    uint64_t length;
};

/*
 * heddle_extension_meta: who an extension is, readable from the file without running any of its code.
 *
 * A pointer-free record in the ELF section .heddle.meta, exported under its own name. The host reads it before
 * dlopen and refuses a wrong architecture, ABI, role or endianness before any code of the vendor runs. Text fields
 * are UTF-8, zero-padded, and hold at most their size in bytes.
 */

/* First eight bytes of the record. */
#define HEDDLE_MAGIC { 'H', 'E', 'D', 'D', 'L', 'E', 0, 0x01 }

/* Name of the exported record. */
#define HEDDLE_META_SYMBOL "heddle_extension_meta"

/* Name of the exported function table. */
#define HEDDLE_ENTRY_SYMBOL "heddle_extension_v1"

/* Name of the exported layout table. */
#define HEDDLE_LAYOUT_SYMBOL "heddle_extension_layout"

/* ABI major version: a host loads extensions of its own major only. */
#define HEDDLE_ABI_MAJOR 1

/* ABI minor version: grows when optional slots or interface ids are appended. */
#define HEDDLE_ABI_MINOR 5

/* Role: sees every frame, changes none; may originate frames on ingress. */
#define HEDDLE_ROLE_CAPTURE 1

/* Role: may drop, modify, clone, hold and originate. */
#define HEDDLE_ROLE_FILTER 2

/* Role: decides destinations on ingress; at most one per switch. */
#define HEDDLE_ROLE_FORWARDING 3

/* Role: no data path (offload providers and the like). */
#define HEDDLE_ROLE_SERVICE 4

/* endianness of a little-endian extension. */
#define HEDDLE_LITTLE_ENDIAN 1

/* Capability: originates frames or injects clones. */
#define HEDDLE_CAPABILITY_INJECT UINT64_C(0x1)

/* Capability: holds frames and releases them later. */
#define HEDDLE_CAPABILITY_HOLD UINT64_C(0x2)

/* Capability: modifies frames on ingress. */
#define HEDDLE_CAPABILITY_MODIFY UINT64_C(0x4)

/* Capability: makes groups of ports. */
#define HEDDLE_CAPABILITY_GROUPS UINT64_C(0x8)

/* Capability: wants the side array of offload facts. */
#define HEDDLE_CAPABILITY_OFFLOAD_FACTS UINT64_C(0x10)

/* All capabilities this version of the ABI knows. */
#define HEDDLE_CAPABILITIES_KNOWN UINT64_C(0x1f)

/* The record. 384 bytes. */
struct heddle_meta_t {
    /* MAGIC. */
    uint8_t magic[8];
    /* Size of this record in bytes. */
    uint32_t record_size;
    /* ABI major the extension was built against. */
    uint16_t abi_major;
    /* ABI minor the extension was built against. */
    uint16_t abi_minor;
    /* Lowest host minor the extension can run on. */
    uint16_t min_host_minor;
    /* ROLE_*. */
    uint8_t role;
    /* LITTLE_ENDIAN. */
    uint8_t endianness;
    /* Number of rows in the layout table. */
    uint32_t layout_rows;
    /* CAPABILITY_* bits. */
    uint64_t capabilities;
    /* Reverse URI that never changes, such as org.example.firewall. */
    uint8_t id[64];
    /* Name for people. */
    uint8_t name[64];
    /* Who made it. */
    uint8_t vendor[64];
    /* Version of the extension, semantic versioning. */
    uint8_t version[32];
    /* Compiler that built it. */
    uint8_t toolchain[64];
    /* Zero. */
    uint8_t reserved[64];
};

/*
 * The layout table: what makes the binary promise checkable.
 *
 * abi_struct! declares a #[repr(C)] struct once and derives from that single text the struct, its rows in the
 * layout table and the text the C header is generated from. abi_fn! does the same for a function pointer type.
 * Every extension exports its table as heddle_extension_layout; the host compares it with its own *before* any code
 * of the extension runs, which is why a row is pointer-free: fixed arrays of bytes, readable straight from the file.
 *
 * Rules (checked by the host):
 * * frozen: both sides list the same fields at the same offsets, for the whole life of the major version;
 * * growable: the shorter list is a prefix of the longer one; the struct's first field is its own struct_size;
 * * function: the signature text is the same;
 * * constant: type and value are the same.
 *
 * Type texts are compared without white space, since compilers print them differently. rustc 1.63 has no
 * offset_of!, so offsets follow from the C layout rule (each field at the next multiple of its alignment) and are
 * asserted against the compiler's own answer in this crate's tests.
 */

/* Longest name of a struct or field, in bytes. */
#define HEDDLE_NAME_LEN 32

/* Longest type or signature text, in bytes. */
#define HEDDLE_TYPE_LEN 112

/* Row of a struct that never changes within a major version. */
#define HEDDLE_KIND_FROZEN UINT32_C(1)

/* Row of a struct that only grows at its end. */
#define HEDDLE_KIND_GROWABLE UINT32_C(2)

/* Row of a function signature: field is empty, ty is the signature. */
#define HEDDLE_KIND_FUNCTION UINT32_C(3)

/* Row of a constant: field is empty, offset is the value (as 32 bits, negative ones in two's complement). */
#define HEDDLE_KIND_CONSTANT UINT32_C(4)

/* One row of the layout table: a field of a struct, a function signature or a constant. Pointer-free, 192 bytes. */
struct heddle_layout_row_t {
    /* Name of the struct, function type or constant, zero-padded. */
    uint8_t owner[HEDDLE_NAME_LEN];
    /* Name of the field, zero-padded; empty for a function or constant. */
    uint8_t field[HEDDLE_NAME_LEN];
    /* Type of the field or signature of the function, zero-padded. */
    uint8_t ty[HEDDLE_TYPE_LEN];
    /* Offset of the field from the start of the struct, in bytes; value of a constant. */
    uint32_t offset;
    /* Size of the field, in bytes. */
    uint32_t size;
    /* KIND_FROZEN, KIND_GROWABLE, KIND_FUNCTION or KIND_CONSTANT. */
    uint32_t kind;
    /* Zero. */
    uint32_t reserved;
};

/*
 * Packet, Batch and the side arrays: what a data-path call is about.
 *
 * A Packet is one 64-byte cache line and frozen for the major version. It names memory by offset from
 * Batch::base, so that the same descriptor is valid under every mapping of the packet arena (the host's own, the
 * read-only alias of capture extensions, a child process). All numbers are little-endian in memory and in host byte
 * order in meaning (an EtherType of IPv4 reads as 0x0800).
 *
 * Who may change what: an extension writes verdict, drop_reason, mark and user; a forwarding extension on ingress
 * also destination, destination_nic and the flags PACKET_PRESERVE_VLAN and PACKET_PRESERVE_PRIORITY. Everything else is the host's: a change of another field up to traffic_class is undone or makes the frame a
 * drop, and counts as a violation; of the fields behind, which the switch itself does not rely on, nothing is promised.
 * Headers are changed through make_writable and reparse of the host table.
 */

/* The ABI's largest batch, in packets. The engine's own burst may be smaller. */
#define HEDDLE_BATCH_MAX UINT32_C(256)

/* Headroom guaranteed in front of every received frame, in bytes. */
#define HEDDLE_HEADROOM_MIN UINT32_C(128)

/* Verdict: go on to the next stage. The only verdict an extension sees on entry. */
#define HEDDLE_VERDICT_PASS 0

/* Verdict: drop, for drop_reason. On egress this excludes one delivery. */
#define HEDDLE_VERDICT_DROP 1

/* Verdict: taken by hold; written by the host's hold function only. */
#define HEDDLE_VERDICT_HOLD 2

/* Verdict of a forwarding extension on ingress: deliver to the port in destination. */
#define HEDDLE_VERDICT_TO_PORT 3

/*
 * Verdict of a forwarding extension on ingress: deliver to each port of the group in destination
 * except the one the frame came from.
 */
#define HEDDLE_VERDICT_TO_GROUP 4

/* Drop reason of an extension that gives none: counted as unspecified under the extension's name. */
#define HEDDLE_DROP_REASON_UNSPECIFIED 0

/* Leg: from a port into the switch. */
#define HEDDLE_LEG_INGRESS 0

/* Leg: from the switch to a port. */
#define HEDDLE_LEG_EGRESS 1

/* Flag: an extension originated the frame. */
#define HEDDLE_PACKET_ORIGINATED UINT32_C(0x1)

/* Flag: the frame is a clone of another one. */
#define HEDDLE_PACKET_CLONE UINT32_C(0x2)

/* Flag: the payload is shared with another descriptor; make_writable gives a private copy. */
#define HEDDLE_PACKET_SHARED UINT32_C(0x4)

/* Flag: an extra delivery made by port mirroring. */
#define HEDDLE_PACKET_MIRROR UINT32_C(0x8)

/*
 * Flag: network virtualization forwards this frame natively: the switch finds its destinations. The forwarding extension
 * may drop it, and single deliveries on egress, never add a destination.
 */
#define HEDDLE_PACKET_NATIVE_FORWARDING UINT32_C(0x10)

/* Flag: an IP fragment. */
#define HEDDLE_PACKET_FRAGMENT UINT32_C(0x20)

/* Flag: IPv4 options or IPv6 extension headers are present. */
#define HEDDLE_PACKET_IP_OPTIONS UINT32_C(0x40)

/* Flag: the delivery keeps the tag the frame came with, or its absence. VLAN membership is checked all the same. */
#define HEDDLE_PACKET_PRESERVE_VLAN UINT32_C(0x80)

/* Flag: a delivery that would lose its tag keeps the priority, in a tag of VLAN 0 (802.1Q 6.9.3). */
#define HEDDLE_PACKET_PRESERVE_PRIORITY UINT32_C(0x100)

/* Flag: the layer 4 checksum covers the pseudo-header only; the host completes it on the way out. */
#define HEDDLE_PACKET_PARTIAL_CHECKSUM UINT32_C(0x200)

/* Flag: a segmentation-offload frame; it leaves as several wire segments. */
#define HEDDLE_PACKET_GSO UINT32_C(0x400)

/* Flag: vlan_tci holds the frame's outermost 802.1Q tag, which is not in the data. */
#define HEDDLE_PACKET_VLAN UINT32_C(0x800)

/* Flag: a header ends before its stated length; l3/l4 are as far as the parser came. */
#define HEDDLE_PACKET_TRUNCATED UINT32_C(0x1000)

/* Flag: another VLAN tag follows in the data (802.1ad, or a second 802.1Q tag). */
#define HEDDLE_PACKET_INNER_TAG UINT32_C(0x2000)

/* One frame on ingress, one delivery of a frame on egress. 64 bytes. */
struct heddle_packet_t {
    /* Start of the buffer, in units of 64 bytes from Batch::base. */
    uint32_t buffer;
    /* First byte of the frame (destination MAC), in bytes from the start of the buffer: the headroom. */
    uint16_t start;
    /* Offset of the layer 3 header from the first byte of the frame; 0 = unknown. */
    uint16_t l3;
    /* Length of the frame in bytes, without FCS and without the tag in vlan_tci. */
    uint32_t length;
    /* Offset of the layer 4 header from the first byte of the frame; 0 = none or unknown. */
    uint16_t l4;
    /* EtherType behind the outermost 802.1Q tag, or of the untagged frame. */
    uint16_t ethertype;
    /* Port the frame came from; 0 = originated by an extension and trusted. */
    uint32_t source_port;
    /* Egress: the port of this delivery. Ingress: 0, or what a forwarding extension decides. */
    uint32_t destination;
    /* Symmetric flow hash: both directions of a flow have the same value. */
    uint32_t flow_hash;
    /* Tag control information (PCP, DEI, VID) when PACKET_VLAN is set. */
    uint16_t vlan_tci;
    /* NIC index the frame came from: 0 = the NIC of the port, 1..32 = member of the external team. */
    uint8_t source_nic;
    /* NIC index of this delivery, likewise. */
    uint8_t destination_nic;
    /* PACKET_* flags. */
    uint32_t flags;
    /* VERDICT_*. */
    uint8_t verdict;
    /* Traffic class, 0..7. */
    uint8_t traffic_class;
    /* Why it is dropped, when the verdict is VERDICT_DROP; a code from drop_reason_register. */
    uint16_t drop_reason;
    /* Virtual subnet (24 bits); 0 = none. */
    uint32_t virtual_subnet;
    /* Mark that extensions lower in the stack see; 0 at first. */
    uint32_t mark;
    /* Free for the extension within one call; what it holds at entry is undefined. */
    uint64_t user;
    /* IP protocol, or 0. */
    uint8_t ip_protocol;
    /* Zero. */
    uint8_t reserved[7];
};

/* Offload facts of one packet: side array, filled for extensions with CAPABILITY_OFFLOAD_FACTS. 16 bytes. */
struct heddle_offload_facts_t {
    /* First byte the partial checksum covers, from the first byte of the frame. */
    uint16_t checksum_start;
    /* Where the checksum is stored, from checksum_start. */
    uint16_t checksum_offset;
    /* Payload bytes of each wire segment; 0 = not a segmentation-offload frame. */
    uint16_t segment_size;
    /* GSO_*. */
    uint8_t gso;
    /* Zero. */
    uint8_t reserved;
    /* Number of wire segments the frame stands for, at least 1. */
    uint32_t segments;
    /* Zero. */
    uint32_t reserved2;
};

/* Not a segmentation-offload frame. */
#define HEDDLE_GSO_NONE 0

/* TCP over IPv4. */
#define HEDDLE_GSO_TCP4 1

/* TCP over IPv6. */
#define HEDDLE_GSO_TCP6 2

/* UDP datagrams of equal length (UDP_SEGMENT). */
#define HEDDLE_GSO_UDP 3

/* Batch flag: every packet came from the same source port. */
#define HEDDLE_BATCH_SINGLE_SOURCE 1

/* The argument of a data-path call: at most BATCH_MAX packets. Valid until the call returns. */
struct heddle_batch_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* Number of packets. */
    uint32_t count;
    /* The packets. */
    heddle_packet_t *packets;
    /* Base of the packet arena. */
    uint8_t *base;
    /* The call: first argument of the host's [worker] functions. */
    void *call;
    /* Time, nanoseconds of the monotonic clock, read once by the host. */
    uint64_t now_ns;
    /* Worker that makes the call. */
    uint32_t worker;
    /* LEG_INGRESS or LEG_EGRESS. */
    uint8_t leg;
    /* BATCH_* flags. */
    uint8_t flags;
    /* Zero. */
    uint16_t reserved;
    /* Side array of count offload facts; null unless the extension asked for it. */
    const heddle_offload_facts_t *offload;
    /* Base of drafts, always writable: base may be a read-only alias, and is for capture extensions. */
    uint8_t *draft_base;
};

/*
 * Control events: the life of ports and network adapters (NICs) as an extension sees it.
 *
 * Guaranteed order for one port: PORT_CREATE, NIC_CREATE, NIC_CONNECT, any number of NIC_UPDATED and
 * PORT_UPDATED, NIC_DISCONNECT, NIC_DELETE, PORT_TEARDOWN, PORT_DELETE. An extension enabled on a running
 * switch is first told of everything that exists, in the same order, between SWITCH_CREATE and SWITCH_ACTIVATE.
 * A filter or forwarding extension may veto PORT_CREATE and NIC_CREATE by returning an error; all other events
 * cannot fail. A veto with E_VETO is final; one with E_FULL or E_AGAIN says that the operator may try again. A lower
 * extension may veto after a higher one accepted: the higher one then gets the matching *_DELETE. How a request ended
 * is told to completed of everyone who accepted it, lowest first.
 *
 * A port or NIC that an extension has referenced (port_reference, nic_reference) is deleted when the reference is
 * given back, on NIC_DISCONNECT or PORT_TEARDOWN at the latest. The host waits five seconds in all; then the
 * reference is void, and counted as a violation.
 */

/* The instance is bound to a switch that is not active yet. */
#define HEDDLE_EVENT_SWITCH_CREATE UINT32_C(1)

/* The switch is complete: ports and NICs may be queried. */
#define HEDDLE_EVENT_SWITCH_ACTIVATE UINT32_C(2)

/* The switch goes away, or the extension is being disabled. */
#define HEDDLE_EVENT_SWITCH_DELETE UINT32_C(3)

/* A port is created. May be vetoed. */
#define HEDDLE_EVENT_PORT_CREATE UINT32_C(10)

/* The port's friendly name or policy changed. */
#define HEDDLE_EVENT_PORT_UPDATED UINT32_C(11)

/* The port is about to be deleted; no new references. */
#define HEDDLE_EVENT_PORT_TEARDOWN UINT32_C(12)

/* The port is gone. */
#define HEDDLE_EVENT_PORT_DELETE UINT32_C(13)

/* A NIC is created on a port: its traffic must be forwarded from now on. May be vetoed. */
#define HEDDLE_EVENT_NIC_CREATE UINT32_C(20)

/* The NIC is connected: it may be a destination. */
#define HEDDLE_EVENT_NIC_CONNECT UINT32_C(21)

/* MAC, MTU, link or friendly name changed. */
#define HEDDLE_EVENT_NIC_UPDATED UINT32_C(22)

/* The NIC is disconnected: it must not be a destination any more. */
#define HEDDLE_EVENT_NIC_DISCONNECT UINT32_C(23)

/* The NIC is gone; all its traffic has completed. */
#define HEDDLE_EVENT_NIC_DELETE UINT32_C(24)

/* Port kind: the uplink. */
#define HEDDLE_PORT_EXTERNAL 1

/* Port kind: the host's own NIC. */
#define HEDDLE_PORT_INTERNAL 2

/* Port kind: a virtual machine's paravirtual NIC. */
#define HEDDLE_PORT_SYNTHETIC 3

/* Port kind: a virtual machine's emulated NIC. */
#define HEDDLE_PORT_EMULATED 4

/*
 * Port flag: a validation port. It carries policy for a moment so that a configuration can be checked, never a NIC or a frame.
 * Judge what is asked, reserve nothing, and refuse nothing that is only unavailable now.
 */
#define HEDDLE_PORT_VALIDATION UINT32_C(0x1)

/* NIC state: none on the port. */
#define HEDDLE_NIC_NONE 0

/* NIC state: created, not connected. */
#define HEDDLE_NIC_CREATED 1

/* NIC state: connected. */
#define HEDDLE_NIC_CONNECTED 2

/* NIC state: disconnected. */
#define HEDDLE_NIC_DISCONNECTED 3

/* A port and its NIC, for queries and events. */
struct heddle_port_info_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* Port id, never 0, never reused while anything refers to it. */
    uint32_t port;
    /* PORT_EXTERNAL …. */
    uint8_t kind;
    /* NIC_NONE …. */
    uint8_t nic_state;
    /* 1 when the link is up. */
    uint8_t link_up;
    /* 1 when the port is administratively up. */
    uint8_t admin_up;
    /* Largest layer 3 packet, in bytes. */
    uint32_t mtu;
    /* Assigned MAC; all zero when none. */
    uint8_t mac[6];
    /* VLAN of untagged frames; 0 = none. */
    uint16_t vlan;
    /* Link speed in Mbit/s; 0 = unknown. */
    uint32_t speed_mbps;
    /* Wire segments received from the port. */
    uint64_t rx_packets;
    /* Bytes of these. */
    uint64_t rx_bytes;
    /* Wire segments sent to the port. */
    uint64_t tx_packets;
    /* Bytes of these. */
    uint64_t tx_bytes;
    /* Frames received from the port and dropped. */
    uint64_t rx_dropped;
    /* Deliveries to the port dropped. */
    uint64_t tx_dropped;
    /* Multicast frames received (without broadcast). */
    uint64_t rx_multicast;
    /* Broadcast frames received. */
    uint64_t rx_broadcast;
    /* Multicast frames sent (without broadcast). */
    uint64_t tx_multicast;
    /* Broadcast frames sent. */
    uint64_t tx_broadcast;
    /* Name of the port, UTF-8, zero-padded. */
    uint8_t name[64];
    /* Since 1.4: PORT_VALIDATION. */
    uint32_t flags;
    /* Zero. */
    uint32_t reserved;
};

/* A control event. What it points to is valid until the call returns. */
struct heddle_event_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* EVENT_*. */
    uint32_t kind;
    /* The port, or 0 for events of the switch. */
    uint32_t port;
    /* NIC index, 0 = the NIC of the port. */
    uint32_t nic;
    /* State of the port after the event; null for events of the switch. */
    const heddle_port_info_t *info;
    /* Name of the switch. */
    heddle_bytes_t switch_name;
};

/*
 * The host table: the functions an extension may call.
 *
 * Handed over at create; lives until destroy returns. Growable: check struct_size before using a slot that came
 * with a later minor. First argument host is Host::context for control and any functions, call is
 * packet::Batch::call for worker functions and valid within that call only. All pointers are borrowed until the function
 * returns. All functions return a status of status and none blocks. Each label reads: *Thread* · *State* · *Owns* · *Unit* · *Errors* ·
 * *child process*.
 *
 * Frames an extension makes or holds are named by 64-bit handles with a generation: a stale handle is E_GONE,
 * never another frame.
 */

/* Log level: something is broken. */
#define HEDDLE_LOG_ERROR UINT32_C(1)

/* Log level: something is off. */
#define HEDDLE_LOG_WARN UINT32_C(2)

/* Log level: a milestone. */
#define HEDDLE_LOG_INFO UINT32_C(3)

/* Log level: for developers. */
#define HEDDLE_LOG_DEBUG UINT32_C(4)

/* Writes one line to the host's log. */
typedef void (*heddle_log_fn)(void *host, uint32_t level, heddle_bytes_t text);

/* Registers a counter shown to the operator by name and unit. */
typedef int32_t (*heddle_counter_register_fn)(void *host, heddle_bytes_t name, heddle_bytes_t unit, uint32_t *out_counter);

/* Adds to a registered counter. */
typedef int32_t (*heddle_counter_add_fn)(void *host, uint32_t counter, uint64_t delta);

/* Registers a drop reason (kebab-case id and a sentence) and gives its code. */
typedef int32_t (*heddle_drop_reason_register_fn)(void *host, heddle_bytes_t id, heddle_bytes_t text, uint16_t *out_code);

/* Makes a group of ports. */
typedef int32_t (*heddle_group_create_fn)(void *host, const uint32_t *ports, uint32_t count, uint32_t *out_group);

/* Replaces the ports of a group. */
typedef int32_t (*heddle_group_update_fn)(void *host, uint32_t group, const uint32_t *ports, uint32_t count);

/* Lists the ids of all ports; out_count gets their number even when the room is too small. */
typedef int32_t (*heddle_port_list_fn)(void *host, uint32_t *ports, uint32_t room, uint32_t *out_count);

/* Describes a port. The caller sets struct_size; the host fills no more than that. */
typedef int32_t (*heddle_port_query_fn)(void *host, uint32_t port, heddle_port_info_t *out_info);

/* Sends a UDP datagram; address is ADDR:PORT text. Bounded, never blocks. */
typedef int32_t (*heddle_send_datagram_fn)(void *host, heddle_bytes_t address, heddle_bytes_t payload);

/* What became of this extension's datagrams to address. The caller sets struct_size; the host fills no more. */
typedef int32_t (*heddle_datagram_counts_fn)(void *host, heddle_bytes_t address, heddle_datagram_counts_t *out_counts);

/*
 * What a VLAN has counted. The caller sets struct_size; the host fills no more. Called in create with VLAN 0 and
 * null it makes the switch count by VLAN, at a few cycles a frame, while the instance is enabled.
 */
typedef int32_t (*heddle_vlan_query_fn)(void *host, uint32_t vlan, heddle_vlan_counters_t *out_counters);

/* Gives packet index of the batch a private buffer. */
typedef int32_t (*heddle_make_writable_fn)(void *call, uint32_t index);

/* Parses packet index of the batch anew after its headers changed. */
typedef int32_t (*heddle_reparse_fn)(void *call, uint32_t index);

/* Holds packet index of the batch. */
typedef int32_t (*heddle_hold_fn)(void *call, uint32_t index, uint64_t *out_handle);

/* Lets a held frame go on at the next stage of its leg. */
typedef int32_t (*heddle_release_fn)(void *call, uint64_t handle);

/* Ends a held frame or a draft, for a registered reason or DROP_REASON_UNSPECIFIED. */
typedef int32_t (*heddle_discard_fn)(void *call, uint64_t handle, uint16_t drop_reason);

/* Makes a new frame of length bytes as a draft; out_packet tells where its bytes are, from Batch.draft_base. */
typedef int32_t (*heddle_originate_fn)(void *call, uint32_t length, uint64_t *out_handle, heddle_packet_t *out_packet);

/* Copies packet index of the batch into a draft, bytes at Batch.draft_base; destinations are not kept. */
typedef int32_t (*heddle_clone_fn)(void *call, uint32_t index, uint64_t *out_handle, heddle_packet_t *out_packet);

/*
 * Sends a draft down the ingress leg, below the injector. source_port 0 = trusted, no port policy. Not for forwarding
 * extensions, which name destinations with inject_to.
 */
typedef int32_t (*heddle_inject_fn)(void *call, uint64_t handle, uint32_t source_port);

/* Sends a draft of a forwarding extension on, with destinations of its own. source_port 0 = trusted, no port policy. */
typedef int32_t (*heddle_inject_to_fn)(void *call, uint64_t handle, uint32_t source_port, const heddle_destination_t *destination);

/* Takes or gives back a reference to a port. */
typedef int32_t (*heddle_port_reference_fn)(void *host, uint32_t port);

/* Takes or gives back a reference to a NIC of a port. */
typedef int32_t (*heddle_nic_reference_fn)(void *host, uint32_t port, uint32_t nic);

/* Where a draft goes. 12 bytes. */
struct heddle_destination_t {
    /* Port or group. */
    uint32_t target;
    /* PACKET_PRESERVE_VLAN, PACKET_PRESERVE_PRIORITY, or 0. */
    uint32_t flags;
    /* VERDICT_TO_PORT or VERDICT_TO_GROUP. */
    uint8_t verdict;
    /* NIC index; 0 but for the external port, where 1..32 is a member of its team (a single uplink is 1). */
    uint8_t nic;
    /* Zero. */
    uint16_t reserved;
};

/* What became of the datagrams one extension on one switch sent to one address. */
struct heddle_datagram_counts_t {
    /* Size of this struct, in bytes. */
    uint32_t struct_size;
    /* Zero. */
    uint32_t reserved;
    /* Handed to the network. */
    uint64_t sent;
    /* Refused by the network, or of those sent, answered by a host on which nobody listens. */
    uint64_t failed;
    /* Not taken: the host's queue or the socket's was full. */
    uint64_t dropped;
};

/* What a VLAN has counted: each frame once, on its way in. */
struct heddle_vlan_counters_t {
    /* Size of this struct, in bytes. */
    uint32_t struct_size;
    /* The VLAN. */
    uint32_t vlan;
    /* Wire segments. */
    uint64_t packets;
    /* Bytes of these, without tag and FCS. */
    uint64_t bytes;
    /* Multicast frames of these (without broadcast). */
    uint64_t multicast;
    /* Broadcast frames of these. */
    uint64_t broadcast;
    /* Frames and deliveries dropped. */
    uint64_t discards;
};

/* The table. */
struct heddle_host_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* The host's ABI minor. */
    uint32_t abi_minor;
    /* First argument of the control and any functions. */
    void *context;
    /* any · always · borrows the text · at most 1,024 bytes, longer is cut · infallible · local. */
    heddle_log_fn log;
    /*
     * control · created · the host copies · name at most 32 bytes, unit at most 16 · E_FULL after 64, E_INVALID · local.
     */
    heddle_counter_register_fn counter_register;
    /* any · created · - · the counter's unit · E_INVALID · local. */
    heddle_counter_add_fn counter_add;
    /*
     * control · created · the host copies · id at most 48 bytes, text at most 160 · E_FULL after 64, E_INVALID · local.
     */
    heddle_drop_reason_register_fn drop_reason_register;
    /*
     * control · created, forwarding role · the host copies · at most 4,096 ports · E_FORBIDDEN, E_FULL after 1,024, E_GONE · may try again.
     */
    heddle_group_create_fn group_create;
    /*
     * control · created, forwarding role · the host copies · at most 4,096 ports · E_FORBIDDEN, E_GONE · may try again.
     */
    heddle_group_update_fn group_update;
    /* control · after SWITCH_ACTIVATE · the caller's array · ids · E_FULL when the room is too small · local. */
    heddle_port_list_fn port_list;
    /* control · after SWITCH_ACTIVATE · the caller's struct · see PortInfo · E_GONE · local. */
    heddle_port_query_fn port_query;
    /*
     * any · created · the host copies · at most 1,472 bytes · E_FULL when the queue is full, E_INVALID · may try again.
     */
    heddle_send_datagram_fn send_datagram;
    /*
     * worker · ingress call, filter or forwarding role · the buffer stays the host's · - · E_FORBIDDEN, E_FULL · local.
     */
    heddle_make_writable_fn make_writable;
    /* worker · ingress call, after make_writable · - · - · E_FORBIDDEN, E_INVALID · local. */
    heddle_reparse_fn reparse;
    /*
     * worker · batch call, filter or forwarding role · the host keeps the frame · - · E_FORBIDDEN, E_FULL · local.
     */
    heddle_hold_fn hold;
    /* worker · any worker call of the same context · the frame goes back to the host · - · E_GONE · local. */
    heddle_release_fn release;
    /*
     * worker · any worker call of the same context · the frame goes back to the host · code of a registered reason · E_GONE · local.
     */
    heddle_discard_fn discard;
    /*
     * worker · any worker call; any data-path role · the draft is the extension's until inject or discard · bytes · E_FULL, E_INVALID · local.
     */
    heddle_originate_fn originate;
    /* worker · batch call, filter or forwarding role · as originate · - · E_FORBIDDEN, E_FULL · local. */
    heddle_clone_fn clone_packet;
    /*
     * worker · any worker call of the same context · the draft goes to the host · port id · E_FORBIDDEN, E_GONE, E_INVALID · local.
     */
    heddle_inject_fn inject;
    /*
     * Since 1.1 · control · created · the caller's struct · datagrams · E_INVALID, E_GONE before the first to the address · local.
     */
    heddle_datagram_counts_fn datagram_counts;
    /*
     * Since 1.2 · control · created; counters after SWITCH_ACTIVATE · the caller's struct · - · E_INVALID, E_GONE for a VLAN without frames · local.
     */
    heddle_vlan_query_fn vlan_query;
    /*
     * Since 1.4 · worker · any worker call of the same context, forwarding role · the draft goes to the host · port or group · E_FORBIDDEN, E_GONE, E_INVALID · local.
     */
    heddle_inject_to_fn inject_to;
    /*
     * Since 1.4 · any · from PORT_CREATE until PORT_TEARDOWN · the host counts · at most 65,536 an instance · E_FORBIDDEN, E_FULL, E_GONE · may try again.
     */
    heddle_port_reference_fn port_reference;
    /* Since 1.4 · any · created · gives one back · - · E_INVALID for one never taken · may try again. */
    heddle_port_reference_fn port_dereference;
    /*
     * Since 1.4 · any · between NIC_CONNECT and NIC_DISCONNECT · the host counts · as port_reference · likewise.
     */
    heddle_nic_reference_fn nic_reference;
    /* Since 1.4 · any · created · gives one back · - · E_INVALID for one never taken · may try again. */
    heddle_nic_reference_fn nic_dereference;
};

/*
 * heddle_extension_v1: the function table an extension exports.
 *
 * Growable: the host reads struct_size and treats a slot behind it as absent. A null optional slot is skipped at no
 * cost. Every label below reads: *Required* · *Thread* · *State* · *Owns* · *Errors*.
 *
 * Threads: control functions of one instance are never called concurrently with each other; worker functions of
 * one worker context are never called concurrently with each other. Both kinds run at the same time. any functions
 * may be called from every thread.
 */

/*
 * Makes an instance of the extension for one switch.
 *
 * host and what it points to live until destroy returns. config is UTF-8 lines key=value, borrowed.
 */
typedef int32_t (*heddle_create_fn)(const heddle_host_t *host, heddle_bytes_t config, void **out_instance, heddle_error_text_t *error);

/* Ends an instance: joins its threads and frees all it owns. */
typedef void (*heddle_destroy_fn)(void *instance);

/* Makes the instance's context for one worker. */
typedef int32_t (*heddle_worker_init_fn)(void *instance, uint32_t worker, void **out_context);

/* Ends a worker context; no call is made with it afterwards. */
typedef void (*heddle_worker_fini_fn)(void *instance, void *context);

/* A data-path call. */
typedef int32_t (*heddle_batch_fn)(void *context, heddle_batch_t *batch);

/* Periodic call on a worker, so that held frames can be released without traffic. The batch is empty. */
typedef int32_t (*heddle_worker_tick_fn)(void *context, heddle_batch_t *batch);

/* Periodic call on the control thread. */
typedef int32_t (*heddle_tick_fn)(void *instance, uint64_t now_ns);

/* A control event, in guaranteed order. */
typedef int32_t (*heddle_event_fn)(void *instance, const heddle_event_t *event, heddle_error_text_t *error);

/* How a request that the extension accepted ended: OK, or the status of a lower extension that vetoed it. */
typedef void (*heddle_completed_fn)(void *instance, const heddle_event_t *event, int32_t status);

/* Finds an optional interface by its id, a zero-terminated string such as heddle.sampling/1. */
typedef const void * (*heddle_interface_fn)(const char *id);

/* The table. */
struct heddle_extension_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* Zero. */
    uint32_t reserved;
    /* Required · control · once per switch · the instance is the extension's · any failure refuses the enable. */
    heddle_create_fn create;
    /* Required · control · after all worker contexts ended · frees the instance · infallible. */
    heddle_destroy_fn destroy;
    /*
     * Required with a data path · control · before the worker calls with it · the context is the extension's · a failure refuses the enable.
     */
    heddle_worker_init_fn worker_init;
    /* Required with a data path · control · after the worker's last call · frees the context · infallible. */
    heddle_worker_fini_fn worker_fini;
    /* Optional · worker · enabled · borrows the batch · E_PANIC leads to quarantine. */
    heddle_batch_fn ingress;
    /* Optional · worker · enabled · borrows the batch · E_PANIC leads to quarantine. */
    heddle_batch_fn egress;
    /* Optional · worker · enabled, about every 10 ms · borrows the empty batch · as ingress. */
    heddle_worker_tick_fn worker_tick;
    /* Optional · control · enabled, about every 100 ms · borrows nothing · as ingress. */
    heddle_tick_fn tick;
    /* Optional · control · created · borrows the event · an error is a veto where the model allows one. */
    heddle_event_fn event;
    /* Optional · control · any state, also before create · the interface is static · null = not offered. */
    heddle_interface_fn interface;
    /*
     * Since 1.4 · optional · control · created · borrows the event · infallible. Called for PORT_CREATE and NIC_CREATE, lowest
     * extension first, after all have answered; when the status is no OK, the matching *_DELETE has been told before.
     */
    heddle_completed_fn completed;
};

/*
 * Optional interface heddle.sampling/1: the core picks frames, the extension only sees those.
 *
 * The core counts frames down per worker with the skip counts the extension gives; a sampled frame is reported once
 * its fate is known (all deliveries decided, or dropped). Frames in between cost the extension nothing. With
 * next_skip_of each port is counted down on its own, so that each can have a rate of its own.
 */

/* Id of the interface. */
#define HEDDLE_SAMPLING_ID "heddle.sampling/1"

/* Header bytes kept of a sampled frame, at most. */
#define HEDDLE_SAMPLE_HEADER_MAX UINT32_C(256)

/* Outputs listed in a sample, at most; output_count tells how many there were. */
#define HEDDLE_SAMPLE_OUTPUTS_MAX 8

/* A sampled frame and its fate. Valid until the call returns. */
struct heddle_sample_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* Port the frame came from. */
    uint32_t source_port;
    /* Length of the frame as received, in bytes, tag included, without FCS. */
    uint32_t frame_length;
    /* Bytes at header. */
    uint32_t header_length;
    /* First bytes of the frame as received, tag included. */
    const uint8_t *header;
    /* Deliveries decided. */
    uint32_t output_count;
    /* Drop reason code when output_count is 0. */
    uint16_t drop_reason;
    /* VLAN tag control information on entry (0 = untagged). */
    uint16_t source_vlan;
    /* VLAN tag control information of the first delivery (0 = untagged). */
    uint16_t destination_vlan;
    /* Zero. */
    uint16_t reserved;
    /* Samples that could not be taken on this worker since the last one (all slots in use). */
    uint32_t lost;
    /* Frames this worker has received from source_port so far: the sample pool. */
    uint64_t pool;
    /* Ports of the first deliveries. */
    uint32_t outputs[8];
};

/* Called with each sample. */
typedef int32_t (*heddle_sampled_fn)(void *context, void *call, const heddle_sample_t *sample);

/* Number of frames to skip before the next sample; 0 = sample the next one. u32::MAX = never. */
typedef uint32_t (*heddle_next_skip_fn)(void *context);

/* As next_skip, for the frames of one port. */
typedef uint32_t (*heddle_next_skip_of_fn)(void *context, uint32_t port);

/* The interface's table. */
struct heddle_sampling_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* Header bytes wanted, at most SAMPLE_HEADER_MAX. */
    uint32_t header_bytes;
    /* Required · worker · enabled · borrows the sample · as ingress. */
    heddle_sampled_fn sampled;
    /* Required · worker · enabled · borrows nothing · infallible. */
    heddle_next_skip_fn next_skip;
    /*
     * Since 1.1 · optional · worker · enabled · borrows nothing · infallible. When given, the core counts the frames
     * of each port by themselves and asks this instead of next_skip.
     */
    heddle_next_skip_of_fn next_skip_of;
};

/*
 * Optional interface heddle.drops/1: the extension is told of frames the switch dropped, as many as it can take.
 *
 * Told once the frame has ended, with its first bytes, the ports and the reason. A worker asks with each of its
 * periodic calls (10 ms) how many the extension wants until the next; the others are only counted, and their number
 * comes with the next one told. Frames that are not dropped cost nothing.
 */

/* Id of the interface. */
#define HEDDLE_DROPS_ID "heddle.drops/1"

/* Header bytes kept of a dropped frame, at most. */
#define HEDDLE_DROP_HEADER_MAX UINT32_C(128)

/* A dropped frame, or a dropped delivery of one. Valid until the call returns. */
struct heddle_dropped_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* Port the frame came from; 0 = not known, or originated by an extension. */
    uint32_t source_port;
    /* Port it would have gone to; 0 = it was dropped before one was decided. */
    uint32_t destination_port;
    /* Length of the frame, tag included, in bytes, without FCS; 0 = the frame was gone already. */
    uint32_t frame_length;
    /* First bytes of the frame as it was when it was dropped, tag included. */
    const uint8_t *header;
    /* Bytes at header; 0 = the frame was gone already. */
    uint32_t header_length;
    /* Code of the reason. */
    uint16_t drop_reason;
    /* VLAN tag control information (0 = untagged). */
    uint16_t vlan;
    /* Dropped frames of this worker that were not told since the last one told. */
    uint64_t withheld;
};

/* Called with each dropped frame that is told. */
typedef int32_t (*heddle_dropped_fn)(void *context, const heddle_dropped_t *dropped);

/* Number of dropped frames the extension wants to be told of until it is asked again; 0 = none. */
typedef uint32_t (*heddle_drops_wanted_fn)(void *context);

/* The interface's table. */
struct heddle_drops_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* Zero. */
    uint32_t reserved;
    /* Required · worker · enabled · borrows the drop · as ingress. */
    heddle_dropped_fn dropped;
    /* Required · worker · enabled · borrows nothing · infallible. */
    heddle_drops_wanted_fn wanted;
};

/*
 * Optional interface heddle.config/1, since 1.3: an extension publishes its configuration keys, and takes a new configuration while
 * it runs.
 *
 * The host shows the keys to operators and refuses unknown keys and values of the wrong type before it calls the
 * extension. A new configuration is whole, as at create: what it does not name has its default. All or nothing: an
 * extension that refuses one goes on with the one it has.
 */

/* Id of the interface. */
#define HEDDLE_CONFIG_ID "heddle.config/1"

/* Keys of an extension, at most. */
#define HEDDLE_CONFIG_KEYS_MAX UINT32_C(256)

/* Kind of value: true or false. */
#define HEDDLE_CONFIG_BOOLEAN UINT32_C(1)

/* Kind of value: a whole number from minimum to maximum. */
#define HEDDLE_CONFIG_INTEGER UINT32_C(2)

/* Kind of value: any text. */
#define HEDDLE_CONFIG_TEXT UINT32_C(3)

/* Kind of value: one of the words in choices, which are separated by |. */
#define HEDDLE_CONFIG_CHOICE UINT32_C(4)

/* Flag: the value is read at create only and cannot change while the extension runs. */
#define HEDDLE_CONFIG_FIXED UINT32_C(0x1)

/* Flag: every key that starts with name and is longer is one of these, such as rate.PORT with the name rate.. */
#define HEDDLE_CONFIG_PREFIX UINT32_C(0x2)

/* A configuration key. All texts are UTF-8 and static. 104 bytes. */
struct heddle_config_key_t {
    /* The key; at most 64 bytes. */
    heddle_bytes_t name;
    /* Unit of the value, such as ms; empty = none; at most 16 bytes. */
    heddle_bytes_t unit;
    /* Value when it is not given; empty = none; at most 128 bytes. */
    heddle_bytes_t default_value;
    /* The words of a choice, separated by |; else empty; at most 256 bytes. */
    heddle_bytes_t choices;
    /* What it does, one sentence; at most 160 bytes. */
    heddle_bytes_t text;
    /* Smallest integer. */
    int64_t minimum;
    /* Largest integer. */
    int64_t maximum;
    /* CONFIG_BOOLEAN and so on. */
    uint32_t kind;
    /* CONFIG_FIXED and so on. */
    uint32_t flags;
};

/* Takes a new configuration: UTF-8 lines key=value, borrowed. */
typedef int32_t (*heddle_configure_fn)(void *instance, heddle_bytes_t config, heddle_error_text_t *error);

/* The interface's table. */
struct heddle_config_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* Number of rows at keys, at most CONFIG_KEYS_MAX. */
    uint32_t key_count;
    /* The keys; static. */
    const heddle_config_key_t *keys;
    /*
     * Optional · control · created · borrows the configuration · any failure leaves the old one in effect · null = the
     * configuration cannot change while it runs.
     */
    heddle_configure_fn configure;
};

/*
 * Optional interface heddle.state/1, since 1.4: an extension writes what it knows into bytes and takes it up again, so
 * that another version of it, or the same one on another host, goes on where it was.
 *
 * Three scopes: the instance, each worker context, each NIC. Bytes mean something to extensions of one schema only;
 * version says in which form they are, oldest which form is still read. The host refuses what does not fit before it
 * calls, keeps a check sum beside the bytes, and never looks into them.
 *
 * A hot upgrade: begin of the old instance; save of its instance scope, restore into the new one; save_worker of each
 * old context again and again between bursts, each time as much as takes about 50 us, restore_worker into the new
 * context; then, with no burst between, the rest of both, and the new context takes the place. Whatever goes wrong before
 * that leaves the old one as it is, after end and end_worker.
 */

/* Id of the interface. */
#define HEDDLE_STATE_ID "heddle.state/1"

/* Longest name of a schema, in bytes. */
#define HEDDLE_STATE_SCHEMA_MAX UINT32_C(64)

/* Room that is lent for a piece of a worker context, at least; a record is no longer. */
#define HEDDLE_STATE_PIECE_MIN UINT32_C(4096)

/* Room that is lent for the state of an instance or of a NIC, in bytes. */
#define HEDDLE_STATE_BLOB_MAX UINT32_C(1048576)

/* Pieces of an instance or of a NIC, at most. */
#define HEDDLE_STATE_BLOBS_MAX UINT32_C(16)

/* State of one worker context, at most, in bytes: all pieces of a transfer together. */
#define HEDDLE_STATE_WORKER_MAX UINT32_C(268435456)

/* Scope: what all workers share. */
#define HEDDLE_STATE_INSTANCE UINT32_C(1)

/* Scope: a worker context. */
#define HEDDLE_STATE_WORKER UINT32_C(2)

/* Scope: a NIC. */
#define HEDDLE_STATE_NIC UINT32_C(3)

/*
 * Flag of the table: frames held by the old version stay held, since the state names them by their handles. Without it in
 * both versions they go on behind the extension, or are dropped where it fails closed.
 */
#define HEDDLE_STATE_KEEPS_HELD UINT32_C(0x1)

/* Outcome: the new version runs; this one is kept for a way back, and gets no more data-path calls. */
#define HEDDLE_STATE_DONE UINT32_C(0)

/* Outcome: this one goes on as before. */
#define HEDDLE_STATE_ABANDONED UINT32_C(1)

/* A piece of state: room to write into, or what was written. */
struct heddle_state_piece_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* STATE_INSTANCE and so on. */
    uint32_t scope;
    /* Number of this piece within its scope, from 0. */
    uint32_t index;
    /* Restoring: version of the schema the bytes are in. */
    uint32_t version;
    /* The worker, of a worker context. */
    uint32_t worker;
    /* The port, of a NIC. It may be another one than when it was saved. */
    uint32_t port;
    /* The NIC's index. */
    uint32_t nic;
    /* Zero. */
    uint32_t reserved;
    /* The bytes. Restoring: not to be written. */
    uint8_t *data;
    /* Room at data, in bytes. */
    uint64_t room;
    /* Bytes that are used. Saving: set by the extension; 0 = nothing (more) to save. */
    uint64_t length;
    /* Saving: set by the extension: bytes that are still to be saved after this piece, about. */
    uint64_t remaining;
};

/* State is about to be saved: whatever changes in a context after its first piece is part of a later one. */
typedef int32_t (*heddle_state_begin_fn)(void *instance, heddle_error_text_t *error);

/* No more is saved for now; outcome is STATE_DONE or STATE_ABANDONED. */
typedef void (*heddle_state_end_fn)(void *instance, uint32_t outcome);

/* Writes a piece of the instance or of a NIC. Called again with the next index until it writes nothing. */
typedef int32_t (*heddle_state_save_fn)(void *instance, heddle_state_piece_t *piece, heddle_error_text_t *error);

/* Takes up a piece of an instance or of a NIC. */
typedef int32_t (*heddle_state_restore_fn)(void *instance, const heddle_state_piece_t *piece, heddle_error_text_t *error);

/*
 * Writes the next piece of a context: first all there is, then what has changed since. What a later piece says of the same
 * thing wins. Time is bounded by the room: a smaller one is lent when a piece took too long.
 */
typedef int32_t (*heddle_state_save_worker_fn)(void *context, heddle_state_piece_t *piece);

/* Takes up a piece of a context, before its first data-path call; by one thread after the other. */
typedef int32_t (*heddle_state_restore_worker_fn)(void *context, const heddle_state_piece_t *piece, heddle_error_text_t *error);

/* Ends the recording of changes in a context. */
typedef void (*heddle_state_end_worker_fn)(void *context);

/* The interface's table. */
struct heddle_state_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* STATE_KEEPS_HELD. */
    uint32_t flags;
    /* Version of the schema that is written, from 1; the newest that is read. */
    uint32_t version;
    /* Oldest version that is read. */
    uint32_t oldest;
    /* Name of the schema, a reverse URI; static; at most STATE_SCHEMA_MAX bytes. */
    heddle_bytes_t schema;
    /* Optional · control · enabled · borrows nothing · any failure refuses the upgrade. */
    heddle_state_begin_fn begin;
    /* Optional · control · after begin · owns nothing · infallible. */
    heddle_state_end_fn end;
    /*
     * Optional · control · enabled · borrows the room · any failure refuses the upgrade or the saving · null = no such state.
     */
    heddle_state_save_fn save;
    /*
     * Optional · control · created, before the first data-path call; of a NIC: enabled · borrows the piece · any failure
     * refuses the whole · null = such state is refused.
     */
    heddle_state_restore_fn restore;
    /* Optional · worker · enabled · borrows the room · any failure refuses the upgrade · null = no such state. */
    heddle_state_save_worker_fn save_worker;
    /*
     * Optional · control or worker · before its first data-path call · borrows the piece · any failure refuses the
     * upgrade · null = such state is refused.
     */
    heddle_state_restore_worker_fn restore_worker;
    /* Optional · control or worker · after save_worker · owns nothing · infallible. */
    heddle_state_end_worker_fn end_worker;
};

/*
 * Optional interface heddle.policy/1, since 1.4: policies that operators put on ports and on the switch, and what an extension tells
 * of them at run time.
 *
 * An extension publishes **features**: custom policies with typed fields, defaults and units. The host checks fields
 * before it calls. A **property** is one instance of a feature on one port or on the switch; it is offered to every
 * extension that publishes the feature, captures excepted, from the protocol edge inwards, and any of them may veto an
 * add or an update. Who accepted is told how it ended, lowest first, and when a lower one vetoed is told of the
 * opposite as well (add: delete; update: update with the former values). A delete cannot be refused.
 *
 * **Standard** policies are features of the host: heddle.vlan, heddle.security and heddle.profile. They are
 * offered to the forwarding extension alone, and only when its standard names them; one that is not named is refused
 * to the operator in its name. VLAN membership is enforced by the switch in any case.
 */

/* Id of the interface. */
#define HEDDLE_POLICY_ID "heddle.policy/1"

/* Features of an extension, at most. */
#define HEDDLE_POLICY_FEATURES_MAX UINT32_C(64)

/* Longest status text, in bytes. */
#define HEDDLE_POLICY_STATUS_MAX UINT32_C(65536)

/* Feature flag: may be put on a port. */
#define HEDDLE_FEATURE_PORT UINT32_C(0x1)

/* Feature flag: may be put on the switch. */
#define HEDDLE_FEATURE_SWITCH UINT32_C(0x2)

/* Feature flag: several instances may be on one port or switch. */
#define HEDDLE_FEATURE_SEVERAL UINT32_C(0x4)

/* Feature flag: status answers for it. */
#define HEDDLE_FEATURE_STATUS UINT32_C(0x8)

/* Standard policy: heddle.vlan. */
#define HEDDLE_STANDARD_VLAN UINT32_C(0x1)

/* Standard policy: heddle.security. */
#define HEDDLE_STANDARD_SECURITY UINT32_C(0x2)

/* Standard policy: heddle.profile. */
#define HEDDLE_STANDARD_PROFILE UINT32_C(0x4)

/* Action: the property is new. */
#define HEDDLE_PROPERTY_ADD UINT32_C(1)

/* Action: the property has new values. */
#define HEDDLE_PROPERTY_UPDATE UINT32_C(2)

/* Action: the property is taken away. Cannot be refused. */
#define HEDDLE_PROPERTY_DELETE UINT32_C(3)

/*
 * Property flag: it is on a validation port. Judge it, reserve nothing, and refuse nothing that is only unavailable now.
 */
#define HEDDLE_PROPERTY_VALIDATION UINT32_C(0x1)

/* A feature. All texts and rows are static. 64 bytes. */
struct heddle_feature_t {
    /* Reverse URI that never changes, such as org.example.firewall.rule; at most 64 bytes. */
    heddle_bytes_t id;
    /* What it does, one sentence; at most 160 bytes. */
    heddle_bytes_t text;
    /* Its fields. */
    const heddle_config_key_t *keys;
    /* The fields of its status. */
    const heddle_config_key_t *status_keys;
    /* Number of fields, at most CONFIG_KEYS_MAX. */
    uint32_t key_count;
    /* Number of status fields, likewise. */
    uint32_t status_key_count;
    /* FEATURE_*. */
    uint32_t flags;
    /* Version of the fields, major in the upper 16 bits. */
    uint32_t version;
};

/* A property on its way to an extension. What it points to is valid until the call returns. */
struct heddle_property_t {
    /* Size of this struct at the host, in bytes. */
    uint32_t struct_size;
    /* PROPERTY_ADD and so on. */
    uint32_t action;
    /* The port; 0 = the switch. */
    uint32_t port;
    /* PROPERTY_VALIDATION. */
    uint32_t flags;
    /* Id of the feature. */
    heddle_bytes_t feature;
    /* Name of the instance. */
    heddle_bytes_t instance;
    /* All values, defaults included: UTF-8 lines key=value. Empty when it is deleted. */
    heddle_bytes_t values;
};

/* Judges and takes a property. */
typedef int32_t (*heddle_property_fn)(void *instance, const heddle_property_t *property, heddle_error_text_t *error);

/* How a property that was accepted ended: OK, or the status of the lower extension that vetoed it. */
typedef void (*heddle_property_done_fn)(void *instance, const heddle_property_t *property, int32_t status);

/*
 * Runtime data of a feature on a port (0 = the switch) as UTF-8 lines key=value; out_length gets their length
 * even when the room is too small.
 */
typedef int32_t (*heddle_status_fn)(void *instance, heddle_bytes_t feature, uint32_t port, uint8_t *text, uint32_t room, uint32_t *out_length);

/* The interface's table. */
struct heddle_policy_v1_t {
    /* Size of this struct at the extension, in bytes. */
    uint32_t struct_size;
    /* Number of rows at features, at most POLICY_FEATURES_MAX. */
    uint32_t feature_count;
    /* The features; static. */
    const heddle_feature_t *features;
    /* STANDARD_* policies a forwarding extension enforces; 0 for other roles. */
    uint32_t standard;
    /* Zero. */
    uint32_t reserved;
    /*
     * Optional · control · created · borrows the property · null = its features only tell their status · E_VETO refuses for good, E_FULL and E_AGAIN for now.
     */
    heddle_property_fn property;
    /* Optional · control · created · borrows the property · infallible. */
    heddle_property_done_fn property_done;
    /*
     * Optional · control · enabled · the caller's room · at most POLICY_STATUS_MAX bytes · E_FULL when the room is too
     * small, E_GONE when it knows nothing of the port.
     */
    heddle_status_fn status;
};

/* The compiler places every field where the switch expects it. */

HEDDLE_STATIC_ASSERT(sizeof(heddle_meta_t) == 384, "Meta has 384 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, magic) == 0, "Meta.magic is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, record_size) == 8, "Meta.record_size is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, abi_major) == 12, "Meta.abi_major is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, abi_minor) == 14, "Meta.abi_minor is at 14");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, min_host_minor) == 16, "Meta.min_host_minor is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, role) == 18, "Meta.role is at 18");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, endianness) == 19, "Meta.endianness is at 19");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, layout_rows) == 20, "Meta.layout_rows is at 20");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, capabilities) == 24, "Meta.capabilities is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, id) == 32, "Meta.id is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, name) == 96, "Meta.name is at 96");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, vendor) == 160, "Meta.vendor is at 160");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, version) == 224, "Meta.version is at 224");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, toolchain) == 256, "Meta.toolchain is at 256");
HEDDLE_STATIC_ASSERT(offsetof(heddle_meta_t, reserved) == 320, "Meta.reserved is at 320");
HEDDLE_STATIC_ASSERT(sizeof(heddle_bytes_t) == 16, "Bytes has 16 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_bytes_t, data) == 0, "Bytes.data is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_bytes_t, length) == 8, "Bytes.length is at 8");
HEDDLE_STATIC_ASSERT(sizeof(heddle_error_text_t) == 516, "ErrorText has 516 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_error_text_t, length) == 0, "ErrorText.length is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_error_text_t, text) == 4, "ErrorText.text is at 4");
HEDDLE_STATIC_ASSERT(sizeof(heddle_packet_t) == 64, "Packet has 64 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, buffer) == 0, "Packet.buffer is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, start) == 4, "Packet.start is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, l3) == 6, "Packet.l3 is at 6");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, length) == 8, "Packet.length is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, l4) == 12, "Packet.l4 is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, ethertype) == 14, "Packet.ethertype is at 14");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, source_port) == 16, "Packet.source_port is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, destination) == 20, "Packet.destination is at 20");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, flow_hash) == 24, "Packet.flow_hash is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, vlan_tci) == 28, "Packet.vlan_tci is at 28");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, source_nic) == 30, "Packet.source_nic is at 30");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, destination_nic) == 31, "Packet.destination_nic is at 31");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, flags) == 32, "Packet.flags is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, verdict) == 36, "Packet.verdict is at 36");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, traffic_class) == 37, "Packet.traffic_class is at 37");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, drop_reason) == 38, "Packet.drop_reason is at 38");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, virtual_subnet) == 40, "Packet.virtual_subnet is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, mark) == 44, "Packet.mark is at 44");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, user) == 48, "Packet.user is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, ip_protocol) == 56, "Packet.ip_protocol is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_packet_t, reserved) == 57, "Packet.reserved is at 57");
HEDDLE_STATIC_ASSERT(sizeof(heddle_offload_facts_t) == 16, "OffloadFacts has 16 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, checksum_start) == 0, "OffloadFacts.checksum_start is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, checksum_offset) == 2, "OffloadFacts.checksum_offset is at 2");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, segment_size) == 4, "OffloadFacts.segment_size is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, gso) == 6, "OffloadFacts.gso is at 6");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, reserved) == 7, "OffloadFacts.reserved is at 7");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, segments) == 8, "OffloadFacts.segments is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_offload_facts_t, reserved2) == 12, "OffloadFacts.reserved2 is at 12");
HEDDLE_STATIC_ASSERT(sizeof(heddle_batch_t) == 64, "Batch has 64 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, struct_size) == 0, "Batch.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, count) == 4, "Batch.count is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, packets) == 8, "Batch.packets is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, base) == 16, "Batch.base is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, call) == 24, "Batch.call is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, now_ns) == 32, "Batch.now_ns is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, worker) == 40, "Batch.worker is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, leg) == 44, "Batch.leg is at 44");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, flags) == 45, "Batch.flags is at 45");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, reserved) == 46, "Batch.reserved is at 46");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, offload) == 48, "Batch.offload is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_batch_t, draft_base) == 56, "Batch.draft_base is at 56");
HEDDLE_STATIC_ASSERT(sizeof(heddle_port_info_t) == 184, "PortInfo has 184 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, struct_size) == 0, "PortInfo.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, port) == 4, "PortInfo.port is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, kind) == 8, "PortInfo.kind is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, nic_state) == 9, "PortInfo.nic_state is at 9");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, link_up) == 10, "PortInfo.link_up is at 10");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, admin_up) == 11, "PortInfo.admin_up is at 11");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, mtu) == 12, "PortInfo.mtu is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, mac) == 16, "PortInfo.mac is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, vlan) == 22, "PortInfo.vlan is at 22");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, speed_mbps) == 24, "PortInfo.speed_mbps is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, rx_packets) == 32, "PortInfo.rx_packets is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, rx_bytes) == 40, "PortInfo.rx_bytes is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, tx_packets) == 48, "PortInfo.tx_packets is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, tx_bytes) == 56, "PortInfo.tx_bytes is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, rx_dropped) == 64, "PortInfo.rx_dropped is at 64");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, tx_dropped) == 72, "PortInfo.tx_dropped is at 72");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, rx_multicast) == 80, "PortInfo.rx_multicast is at 80");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, rx_broadcast) == 88, "PortInfo.rx_broadcast is at 88");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, tx_multicast) == 96, "PortInfo.tx_multicast is at 96");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, tx_broadcast) == 104, "PortInfo.tx_broadcast is at 104");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, name) == 112, "PortInfo.name is at 112");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, flags) == 176, "PortInfo.flags is at 176");
HEDDLE_STATIC_ASSERT(offsetof(heddle_port_info_t, reserved) == 180, "PortInfo.reserved is at 180");
HEDDLE_STATIC_ASSERT(sizeof(heddle_event_t) == 40, "Event has 40 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, struct_size) == 0, "Event.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, kind) == 4, "Event.kind is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, port) == 8, "Event.port is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, nic) == 12, "Event.nic is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, info) == 16, "Event.info is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_event_t, switch_name) == 24, "Event.switch_name is at 24");
HEDDLE_STATIC_ASSERT(sizeof(heddle_sample_t) == 80, "Sample has 80 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, struct_size) == 0, "Sample.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, source_port) == 4, "Sample.source_port is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, frame_length) == 8, "Sample.frame_length is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, header_length) == 12, "Sample.header_length is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, header) == 16, "Sample.header is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, output_count) == 24, "Sample.output_count is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, drop_reason) == 28, "Sample.drop_reason is at 28");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, source_vlan) == 30, "Sample.source_vlan is at 30");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, destination_vlan) == 32, "Sample.destination_vlan is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, reserved) == 34, "Sample.reserved is at 34");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, lost) == 36, "Sample.lost is at 36");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, pool) == 40, "Sample.pool is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sample_t, outputs) == 48, "Sample.outputs is at 48");
HEDDLE_STATIC_ASSERT(sizeof(heddle_sampling_v1_t) == 32, "SamplingV1 has 32 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sampling_v1_t, struct_size) == 0, "SamplingV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sampling_v1_t, header_bytes) == 4, "SamplingV1.header_bytes is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sampling_v1_t, sampled) == 8, "SamplingV1.sampled is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sampling_v1_t, next_skip) == 16, "SamplingV1.next_skip is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_sampling_v1_t, next_skip_of) == 24, "SamplingV1.next_skip_of is at 24");
HEDDLE_STATIC_ASSERT(sizeof(heddle_dropped_t) == 40, "Dropped has 40 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, struct_size) == 0, "Dropped.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, source_port) == 4, "Dropped.source_port is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, destination_port) == 8, "Dropped.destination_port is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, frame_length) == 12, "Dropped.frame_length is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, header) == 16, "Dropped.header is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, header_length) == 24, "Dropped.header_length is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, drop_reason) == 28, "Dropped.drop_reason is at 28");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, vlan) == 30, "Dropped.vlan is at 30");
HEDDLE_STATIC_ASSERT(offsetof(heddle_dropped_t, withheld) == 32, "Dropped.withheld is at 32");
HEDDLE_STATIC_ASSERT(sizeof(heddle_drops_v1_t) == 24, "DropsV1 has 24 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_drops_v1_t, struct_size) == 0, "DropsV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_drops_v1_t, reserved) == 4, "DropsV1.reserved is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_drops_v1_t, dropped) == 8, "DropsV1.dropped is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_drops_v1_t, wanted) == 16, "DropsV1.wanted is at 16");
HEDDLE_STATIC_ASSERT(sizeof(heddle_config_key_t) == 104, "ConfigKey has 104 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, name) == 0, "ConfigKey.name is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, unit) == 16, "ConfigKey.unit is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, default_value) == 32, "ConfigKey.default_value is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, choices) == 48, "ConfigKey.choices is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, text) == 64, "ConfigKey.text is at 64");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, minimum) == 80, "ConfigKey.minimum is at 80");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, maximum) == 88, "ConfigKey.maximum is at 88");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, kind) == 96, "ConfigKey.kind is at 96");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_key_t, flags) == 100, "ConfigKey.flags is at 100");
HEDDLE_STATIC_ASSERT(sizeof(heddle_config_v1_t) == 24, "ConfigV1 has 24 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_v1_t, struct_size) == 0, "ConfigV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_v1_t, key_count) == 4, "ConfigV1.key_count is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_v1_t, keys) == 8, "ConfigV1.keys is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_config_v1_t, configure) == 16, "ConfigV1.configure is at 16");
HEDDLE_STATIC_ASSERT(sizeof(heddle_state_piece_t) == 64, "StatePiece has 64 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, struct_size) == 0, "StatePiece.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, scope) == 4, "StatePiece.scope is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, index) == 8, "StatePiece.index is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, version) == 12, "StatePiece.version is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, worker) == 16, "StatePiece.worker is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, port) == 20, "StatePiece.port is at 20");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, nic) == 24, "StatePiece.nic is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, reserved) == 28, "StatePiece.reserved is at 28");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, data) == 32, "StatePiece.data is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, room) == 40, "StatePiece.room is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, length) == 48, "StatePiece.length is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_piece_t, remaining) == 56, "StatePiece.remaining is at 56");
HEDDLE_STATIC_ASSERT(sizeof(heddle_state_v1_t) == 88, "StateV1 has 88 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, struct_size) == 0, "StateV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, flags) == 4, "StateV1.flags is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, version) == 8, "StateV1.version is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, oldest) == 12, "StateV1.oldest is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, schema) == 16, "StateV1.schema is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, begin) == 32, "StateV1.begin is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, end) == 40, "StateV1.end is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, save) == 48, "StateV1.save is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, restore) == 56, "StateV1.restore is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, save_worker) == 64, "StateV1.save_worker is at 64");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, restore_worker) == 72, "StateV1.restore_worker is at 72");
HEDDLE_STATIC_ASSERT(offsetof(heddle_state_v1_t, end_worker) == 80, "StateV1.end_worker is at 80");
HEDDLE_STATIC_ASSERT(sizeof(heddle_feature_t) == 64, "Feature has 64 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, id) == 0, "Feature.id is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, text) == 16, "Feature.text is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, keys) == 32, "Feature.keys is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, status_keys) == 40, "Feature.status_keys is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, key_count) == 48, "Feature.key_count is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, status_key_count) == 52, "Feature.status_key_count is at 52");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, flags) == 56, "Feature.flags is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_feature_t, version) == 60, "Feature.version is at 60");
HEDDLE_STATIC_ASSERT(sizeof(heddle_property_t) == 64, "Property has 64 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, struct_size) == 0, "Property.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, action) == 4, "Property.action is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, port) == 8, "Property.port is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, flags) == 12, "Property.flags is at 12");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, feature) == 16, "Property.feature is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, instance) == 32, "Property.instance is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_property_t, values) == 48, "Property.values is at 48");
HEDDLE_STATIC_ASSERT(sizeof(heddle_policy_v1_t) == 48, "PolicyV1 has 48 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, struct_size) == 0, "PolicyV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, feature_count) == 4, "PolicyV1.feature_count is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, features) == 8, "PolicyV1.features is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, standard) == 16, "PolicyV1.standard is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, reserved) == 20, "PolicyV1.reserved is at 20");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, property) == 24, "PolicyV1.property is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, property_done) == 32, "PolicyV1.property_done is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_policy_v1_t, status) == 40, "PolicyV1.status is at 40");
HEDDLE_STATIC_ASSERT(sizeof(heddle_destination_t) == 12, "Destination has 12 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_destination_t, target) == 0, "Destination.target is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_destination_t, flags) == 4, "Destination.flags is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_destination_t, verdict) == 8, "Destination.verdict is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_destination_t, nic) == 9, "Destination.nic is at 9");
HEDDLE_STATIC_ASSERT(offsetof(heddle_destination_t, reserved) == 10, "Destination.reserved is at 10");
HEDDLE_STATIC_ASSERT(sizeof(heddle_datagram_counts_t) == 32, "DatagramCounts has 32 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_datagram_counts_t, struct_size) == 0, "DatagramCounts.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_datagram_counts_t, reserved) == 4, "DatagramCounts.reserved is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_datagram_counts_t, sent) == 8, "DatagramCounts.sent is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_datagram_counts_t, failed) == 16, "DatagramCounts.failed is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_datagram_counts_t, dropped) == 24, "DatagramCounts.dropped is at 24");
HEDDLE_STATIC_ASSERT(sizeof(heddle_vlan_counters_t) == 48, "VlanCounters has 48 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, struct_size) == 0, "VlanCounters.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, vlan) == 4, "VlanCounters.vlan is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, packets) == 8, "VlanCounters.packets is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, bytes) == 16, "VlanCounters.bytes is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, multicast) == 24, "VlanCounters.multicast is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, broadcast) == 32, "VlanCounters.broadcast is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_vlan_counters_t, discards) == 40, "VlanCounters.discards is at 40");
HEDDLE_STATIC_ASSERT(sizeof(heddle_host_t) == 208, "Host has 208 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, struct_size) == 0, "Host.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, abi_minor) == 4, "Host.abi_minor is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, context) == 8, "Host.context is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, log) == 16, "Host.log is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, counter_register) == 24, "Host.counter_register is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, counter_add) == 32, "Host.counter_add is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, drop_reason_register) == 40, "Host.drop_reason_register is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, group_create) == 48, "Host.group_create is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, group_update) == 56, "Host.group_update is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, port_list) == 64, "Host.port_list is at 64");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, port_query) == 72, "Host.port_query is at 72");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, send_datagram) == 80, "Host.send_datagram is at 80");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, make_writable) == 88, "Host.make_writable is at 88");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, reparse) == 96, "Host.reparse is at 96");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, hold) == 104, "Host.hold is at 104");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, release) == 112, "Host.release is at 112");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, discard) == 120, "Host.discard is at 120");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, originate) == 128, "Host.originate is at 128");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, clone_packet) == 136, "Host.clone_packet is at 136");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, inject) == 144, "Host.inject is at 144");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, datagram_counts) == 152, "Host.datagram_counts is at 152");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, vlan_query) == 160, "Host.vlan_query is at 160");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, inject_to) == 168, "Host.inject_to is at 168");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, port_reference) == 176, "Host.port_reference is at 176");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, port_dereference) == 184, "Host.port_dereference is at 184");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, nic_reference) == 192, "Host.nic_reference is at 192");
HEDDLE_STATIC_ASSERT(offsetof(heddle_host_t, nic_dereference) == 200, "Host.nic_dereference is at 200");
HEDDLE_STATIC_ASSERT(sizeof(heddle_extension_v1_t) == 96, "ExtensionV1 has 96 bytes");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, struct_size) == 0, "ExtensionV1.struct_size is at 0");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, reserved) == 4, "ExtensionV1.reserved is at 4");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, create) == 8, "ExtensionV1.create is at 8");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, destroy) == 16, "ExtensionV1.destroy is at 16");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, worker_init) == 24, "ExtensionV1.worker_init is at 24");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, worker_fini) == 32, "ExtensionV1.worker_fini is at 32");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, ingress) == 40, "ExtensionV1.ingress is at 40");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, egress) == 48, "ExtensionV1.egress is at 48");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, worker_tick) == 56, "ExtensionV1.worker_tick is at 56");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, tick) == 64, "ExtensionV1.tick is at 64");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, event) == 72, "ExtensionV1.event is at 72");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, interface) == 80, "ExtensionV1.interface is at 80");
HEDDLE_STATIC_ASSERT(offsetof(heddle_extension_v1_t, completed) == 88, "ExtensionV1.completed is at 88");

/* Number of rows in the layout table. */
#define HEDDLE_LAYOUT_ROWS 393

/* One row; offset and size are this compiler's own. */
#define HEDDLE_FIELD_ROW(owner, type, field, rust, kind) \
    { owner, #field, rust, (uint32_t)offsetof(type, field), (uint32_t)sizeof(((type *)0)->field), kind, 0 }
#define HEDDLE_FUNCTION_ROW(owner, type, rust) \
    { owner, "", rust, 0, (uint32_t)sizeof(type), HEDDLE_KIND_FUNCTION, 0 }
#define HEDDLE_CONSTANT_ROW(owner, value, type, rust) \
    { owner, "", rust, (uint32_t)(value), (uint32_t)sizeof(type), HEDDLE_KIND_CONSTANT, 0 }

/* The layout table. */
#define HEDDLE_LAYOUT \
    { \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, magic, "[u8; 8]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, record_size, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, abi_major, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, abi_minor, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, min_host_minor, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, role, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, endianness, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, layout_rows, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, capabilities, "u64", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, id, "[u8; 64]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, name, "[u8; 64]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, vendor, "[u8; 64]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, version, "[u8; 32]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, toolchain, "[u8; 64]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Meta", heddle_meta_t, reserved, "[u8; 64]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Bytes", heddle_bytes_t, data, "*const u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Bytes", heddle_bytes_t, length, "u64", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ErrorText", heddle_error_text_t, length, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ErrorText", heddle_error_text_t, text, "[u8; 512]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, buffer, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, start, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, l3, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, length, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, l4, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, ethertype, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, source_port, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, destination, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, flow_hash, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, vlan_tci, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, source_nic, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, destination_nic, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, flags, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, verdict, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, traffic_class, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, drop_reason, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, virtual_subnet, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, mark, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, user, "u64", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, ip_protocol, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Packet", heddle_packet_t, reserved, "[u8; 7]", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, checksum_start, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, checksum_offset, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, segment_size, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, gso, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, reserved, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, segments, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("OffloadFacts", heddle_offload_facts_t, reserved2, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, count, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, packets, "*mut Packet", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, base, "*mut u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, call, "*mut core::ffi::c_void", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, now_ns, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, worker, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, leg, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, flags, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, reserved, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, offload, "*const OffloadFacts", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Batch", heddle_batch_t, draft_base, "*mut u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, kind, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, nic_state, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, link_up, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, admin_up, "u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, mtu, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, mac, "[u8; 6]", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, vlan, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, speed_mbps, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, rx_packets, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, rx_bytes, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, tx_packets, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, tx_bytes, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, rx_dropped, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, tx_dropped, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, rx_multicast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, rx_broadcast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, tx_multicast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, tx_broadcast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, name, "[u8; 64]", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, flags, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PortInfo", heddle_port_info_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, kind, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, nic, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, info, "*const PortInfo", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Event", heddle_event_t, switch_name, "Bytes", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, source_port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, frame_length, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, header_length, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, header, "*const u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, output_count, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, drop_reason, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, source_vlan, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, destination_vlan, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, reserved, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, lost, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, pool, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Sample", heddle_sample_t, outputs, "[u32; 8]", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("SamplingV1", heddle_sampling_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("SamplingV1", heddle_sampling_v1_t, header_bytes, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("SamplingV1", heddle_sampling_v1_t, sampled, "Option<SampledFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("SamplingV1", heddle_sampling_v1_t, next_skip, "Option<NextSkipFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("SamplingV1", heddle_sampling_v1_t, next_skip_of, "Option<NextSkipOfFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, source_port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, destination_port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, frame_length, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, header, "*const u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, header_length, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, drop_reason, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, vlan, "u16", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Dropped", heddle_dropped_t, withheld, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DropsV1", heddle_drops_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DropsV1", heddle_drops_v1_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DropsV1", heddle_drops_v1_t, dropped, "Option<DroppedFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DropsV1", heddle_drops_v1_t, wanted, "Option<DropsWantedFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, name, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, unit, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, default_value, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, choices, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, text, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, minimum, "i64", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, maximum, "i64", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, kind, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigKey", heddle_config_key_t, flags, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("ConfigV1", heddle_config_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ConfigV1", heddle_config_v1_t, key_count, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ConfigV1", heddle_config_v1_t, keys, "*const ConfigKey", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ConfigV1", heddle_config_v1_t, configure, "Option<ConfigureFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, scope, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, index, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, version, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, worker, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, nic, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, data, "*mut u8", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, room, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, length, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StatePiece", heddle_state_piece_t, remaining, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, flags, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, version, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, oldest, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, schema, "Bytes", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, begin, "Option<StateBeginFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, end, "Option<StateEndFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, save, "Option<StateSaveFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, restore, "Option<StateRestoreFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, save_worker, "Option<StateSaveWorkerFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, restore_worker, "Option<StateRestoreWorkerFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("StateV1", heddle_state_v1_t, end_worker, "Option<StateEndWorkerFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, id, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, text, "Bytes", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, keys, "*const ConfigKey", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, status_keys, "*const ConfigKey", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, key_count, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, status_key_count, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, flags, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Feature", heddle_feature_t, version, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, action, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, port, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, flags, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, feature, "Bytes", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, instance, "Bytes", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Property", heddle_property_t, values, "Bytes", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, feature_count, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, features, "*const Feature", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, standard, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, property, "Option<PropertyFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, property_done, "Option<PropertyDoneFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("PolicyV1", heddle_policy_v1_t, status, "Option<StatusFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Destination", heddle_destination_t, target, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Destination", heddle_destination_t, flags, "u32", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Destination", heddle_destination_t, verdict, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Destination", heddle_destination_t, nic, "u8", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("Destination", heddle_destination_t, reserved, "u16", HEDDLE_KIND_FROZEN), \
        HEDDLE_FIELD_ROW("DatagramCounts", heddle_datagram_counts_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DatagramCounts", heddle_datagram_counts_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DatagramCounts", heddle_datagram_counts_t, sent, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DatagramCounts", heddle_datagram_counts_t, failed, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("DatagramCounts", heddle_datagram_counts_t, dropped, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, vlan, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, packets, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, bytes, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, multicast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, broadcast, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("VlanCounters", heddle_vlan_counters_t, discards, "u64", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, abi_minor, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, context, "*mut c_void", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, log, "Option<LogFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, counter_register, "Option<CounterRegisterFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, counter_add, "Option<CounterAddFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, drop_reason_register, "Option<DropReasonRegisterFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, group_create, "Option<GroupCreateFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, group_update, "Option<GroupUpdateFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, port_list, "Option<PortListFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, port_query, "Option<PortQueryFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, send_datagram, "Option<SendDatagramFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, make_writable, "Option<MakeWritableFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, reparse, "Option<ReparseFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, hold, "Option<HoldFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, release, "Option<ReleaseFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, discard, "Option<DiscardFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, originate, "Option<OriginateFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, clone_packet, "Option<CloneFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, inject, "Option<InjectFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, datagram_counts, "Option<DatagramCountsFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, vlan_query, "Option<VlanQueryFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, inject_to, "Option<InjectToFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, port_reference, "Option<PortReferenceFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, port_dereference, "Option<PortReferenceFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, nic_reference, "Option<NicReferenceFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("Host", heddle_host_t, nic_dereference, "Option<NicReferenceFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, struct_size, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, reserved, "u32", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, create, "Option<CreateFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, destroy, "Option<DestroyFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, worker_init, "Option<WorkerInitFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, worker_fini, "Option<WorkerFiniFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, ingress, "Option<BatchFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, egress, "Option<BatchFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, worker_tick, "Option<WorkerTickFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, tick, "Option<TickFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, event, "Option<EventFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, interface, "Option<InterfaceFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FIELD_ROW("ExtensionV1", heddle_extension_v1_t, completed, "Option<CompletedFn>", HEDDLE_KIND_GROWABLE), \
        HEDDLE_FUNCTION_ROW("CreateFn", heddle_create_fn, "fn(*const Host,Bytes,*mut *mut c_void,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("DestroyFn", heddle_destroy_fn, "fn(*mut c_void,)"), \
        HEDDLE_FUNCTION_ROW("WorkerInitFn", heddle_worker_init_fn, "fn(*mut c_void,u32,*mut *mut c_void,)->i32"), \
        HEDDLE_FUNCTION_ROW("WorkerFiniFn", heddle_worker_fini_fn, "fn(*mut c_void,*mut c_void,)"), \
        HEDDLE_FUNCTION_ROW("BatchFn", heddle_batch_fn, "fn(*mut c_void,*mut Batch,)->i32"), \
        HEDDLE_FUNCTION_ROW("WorkerTickFn", heddle_worker_tick_fn, "fn(*mut c_void,*mut Batch,)->i32"), \
        HEDDLE_FUNCTION_ROW("TickFn", heddle_tick_fn, "fn(*mut c_void,u64,)->i32"), \
        HEDDLE_FUNCTION_ROW("EventFn", heddle_event_fn, "fn(*mut c_void,*const Event,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("InterfaceFn", heddle_interface_fn, "fn(*const std::os::raw::c_char,)->*const c_void"), \
        HEDDLE_FUNCTION_ROW("CompletedFn", heddle_completed_fn, "fn(*mut c_void,*const Event,i32,)"), \
        HEDDLE_FUNCTION_ROW("SampledFn", heddle_sampled_fn, "fn(*mut c_void,*mut c_void,*const Sample,)->i32"), \
        HEDDLE_FUNCTION_ROW("NextSkipFn", heddle_next_skip_fn, "fn(*mut c_void,)->u32"), \
        HEDDLE_FUNCTION_ROW("NextSkipOfFn", heddle_next_skip_of_fn, "fn(*mut c_void,u32,)->u32"), \
        HEDDLE_FUNCTION_ROW("DroppedFn", heddle_dropped_fn, "fn(*mut c_void,*const Dropped,)->i32"), \
        HEDDLE_FUNCTION_ROW("DropsWantedFn", heddle_drops_wanted_fn, "fn(*mut c_void,)->u32"), \
        HEDDLE_FUNCTION_ROW("ConfigureFn", heddle_configure_fn, "fn(*mut c_void,Bytes,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateBeginFn", heddle_state_begin_fn, "fn(*mut c_void,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateEndFn", heddle_state_end_fn, "fn(*mut c_void,u32,)"), \
        HEDDLE_FUNCTION_ROW("StateSaveFn", heddle_state_save_fn, "fn(*mut c_void,*mut StatePiece,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateRestoreFn", heddle_state_restore_fn, "fn(*mut c_void,*const StatePiece,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateSaveWorkerFn", heddle_state_save_worker_fn, "fn(*mut c_void,*mut StatePiece,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateRestoreWorkerFn", heddle_state_restore_worker_fn, "fn(*mut c_void,*const StatePiece,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("StateEndWorkerFn", heddle_state_end_worker_fn, "fn(*mut c_void,)"), \
        HEDDLE_FUNCTION_ROW("PropertyFn", heddle_property_fn, "fn(*mut c_void,*const Property,*mut ErrorText,)->i32"), \
        HEDDLE_FUNCTION_ROW("PropertyDoneFn", heddle_property_done_fn, "fn(*mut c_void,*const Property,i32,)"), \
        HEDDLE_FUNCTION_ROW("StatusFn", heddle_status_fn, "fn(*mut c_void,Bytes,u32,*mut u8,u32,*mut u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("LogFn", heddle_log_fn, "fn(*mut c_void,u32,Bytes,)"), \
        HEDDLE_FUNCTION_ROW("CounterRegisterFn", heddle_counter_register_fn, "fn(*mut c_void,Bytes,Bytes,*mut u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("CounterAddFn", heddle_counter_add_fn, "fn(*mut c_void,u32,u64,)->i32"), \
        HEDDLE_FUNCTION_ROW("DropReasonRegisterFn", heddle_drop_reason_register_fn, "fn(*mut c_void,Bytes,Bytes,*mut u16,)->i32"), \
        HEDDLE_FUNCTION_ROW("GroupCreateFn", heddle_group_create_fn, "fn(*mut c_void,*const u32,u32,*mut u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("GroupUpdateFn", heddle_group_update_fn, "fn(*mut c_void,u32,*const u32,u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("PortListFn", heddle_port_list_fn, "fn(*mut c_void,*mut u32,u32,*mut u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("PortQueryFn", heddle_port_query_fn, "fn(*mut c_void,u32,*mut PortInfo,)->i32"), \
        HEDDLE_FUNCTION_ROW("SendDatagramFn", heddle_send_datagram_fn, "fn(*mut c_void,Bytes,Bytes,)->i32"), \
        HEDDLE_FUNCTION_ROW("MakeWritableFn", heddle_make_writable_fn, "fn(*mut c_void,u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("ReparseFn", heddle_reparse_fn, "fn(*mut c_void,u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("HoldFn", heddle_hold_fn, "fn(*mut c_void,u32,*mut u64,)->i32"), \
        HEDDLE_FUNCTION_ROW("ReleaseFn", heddle_release_fn, "fn(*mut c_void,u64,)->i32"), \
        HEDDLE_FUNCTION_ROW("DiscardFn", heddle_discard_fn, "fn(*mut c_void,u64,u16,)->i32"), \
        HEDDLE_FUNCTION_ROW("OriginateFn", heddle_originate_fn, "fn(*mut c_void,u32,*mut u64,*mut Packet,)->i32"), \
        HEDDLE_FUNCTION_ROW("CloneFn", heddle_clone_fn, "fn(*mut c_void,u32,*mut u64,*mut Packet,)->i32"), \
        HEDDLE_FUNCTION_ROW("InjectFn", heddle_inject_fn, "fn(*mut c_void,u64,u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("DatagramCountsFn", heddle_datagram_counts_fn, "fn(*mut c_void,Bytes,*mut DatagramCounts,)->i32"), \
        HEDDLE_FUNCTION_ROW("VlanQueryFn", heddle_vlan_query_fn, "fn(*mut c_void,u32,*mut VlanCounters,)->i32"), \
        HEDDLE_FUNCTION_ROW("InjectToFn", heddle_inject_to_fn, "fn(*mut c_void,u64,u32,*const Destination,)->i32"), \
        HEDDLE_FUNCTION_ROW("PortReferenceFn", heddle_port_reference_fn, "fn(*mut c_void,u32,)->i32"), \
        HEDDLE_FUNCTION_ROW("NicReferenceFn", heddle_nic_reference_fn, "fn(*mut c_void,u32,u32,)->i32"), \
        HEDDLE_CONSTANT_ROW("OK", HEDDLE_OK, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_INVALID", HEDDLE_E_INVALID, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_FULL", HEDDLE_E_FULL, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_FORBIDDEN", HEDDLE_E_FORBIDDEN, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_GONE", HEDDLE_E_GONE, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_VETO", HEDDLE_E_VETO, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_PANIC", HEDDLE_E_PANIC, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_CONFIG", HEDDLE_E_CONFIG, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_AGAIN", HEDDLE_E_AGAIN, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("E_FAILED", HEDDLE_E_FAILED, int32_t, "i32"), \
        HEDDLE_CONSTANT_ROW("ERROR_TEXT_LEN", HEDDLE_ERROR_TEXT_LEN, uint64_t, "usize"), \
        HEDDLE_CONSTANT_ROW("ROLE_CAPTURE", HEDDLE_ROLE_CAPTURE, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("ROLE_FILTER", HEDDLE_ROLE_FILTER, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("ROLE_FORWARDING", HEDDLE_ROLE_FORWARDING, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("ROLE_SERVICE", HEDDLE_ROLE_SERVICE, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("LITTLE_ENDIAN", HEDDLE_LITTLE_ENDIAN, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("CAPABILITY_INJECT", HEDDLE_CAPABILITY_INJECT, uint64_t, "u64"), \
        HEDDLE_CONSTANT_ROW("CAPABILITY_HOLD", HEDDLE_CAPABILITY_HOLD, uint64_t, "u64"), \
        HEDDLE_CONSTANT_ROW("CAPABILITY_MODIFY", HEDDLE_CAPABILITY_MODIFY, uint64_t, "u64"), \
        HEDDLE_CONSTANT_ROW("CAPABILITY_GROUPS", HEDDLE_CAPABILITY_GROUPS, uint64_t, "u64"), \
        HEDDLE_CONSTANT_ROW("CAPABILITY_OFFLOAD_FACTS", HEDDLE_CAPABILITY_OFFLOAD_FACTS, uint64_t, "u64"), \
        HEDDLE_CONSTANT_ROW("BATCH_MAX", HEDDLE_BATCH_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("HEADROOM_MIN", HEDDLE_HEADROOM_MIN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("VERDICT_PASS", HEDDLE_VERDICT_PASS, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("VERDICT_DROP", HEDDLE_VERDICT_DROP, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("VERDICT_HOLD", HEDDLE_VERDICT_HOLD, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("VERDICT_TO_PORT", HEDDLE_VERDICT_TO_PORT, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("VERDICT_TO_GROUP", HEDDLE_VERDICT_TO_GROUP, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("DROP_REASON_UNSPECIFIED", HEDDLE_DROP_REASON_UNSPECIFIED, uint16_t, "u16"), \
        HEDDLE_CONSTANT_ROW("LEG_INGRESS", HEDDLE_LEG_INGRESS, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("LEG_EGRESS", HEDDLE_LEG_EGRESS, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("PACKET_ORIGINATED", HEDDLE_PACKET_ORIGINATED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_CLONE", HEDDLE_PACKET_CLONE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_SHARED", HEDDLE_PACKET_SHARED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_MIRROR", HEDDLE_PACKET_MIRROR, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_NATIVE_FORWARDING", HEDDLE_PACKET_NATIVE_FORWARDING, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_FRAGMENT", HEDDLE_PACKET_FRAGMENT, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_IP_OPTIONS", HEDDLE_PACKET_IP_OPTIONS, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_PRESERVE_VLAN", HEDDLE_PACKET_PRESERVE_VLAN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_PRESERVE_PRIORITY", HEDDLE_PACKET_PRESERVE_PRIORITY, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_PARTIAL_CHECKSUM", HEDDLE_PACKET_PARTIAL_CHECKSUM, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_GSO", HEDDLE_PACKET_GSO, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_VLAN", HEDDLE_PACKET_VLAN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_TRUNCATED", HEDDLE_PACKET_TRUNCATED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PACKET_INNER_TAG", HEDDLE_PACKET_INNER_TAG, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("GSO_NONE", HEDDLE_GSO_NONE, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("GSO_TCP4", HEDDLE_GSO_TCP4, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("GSO_TCP6", HEDDLE_GSO_TCP6, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("GSO_UDP", HEDDLE_GSO_UDP, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("BATCH_SINGLE_SOURCE", HEDDLE_BATCH_SINGLE_SOURCE, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("EVENT_SWITCH_CREATE", HEDDLE_EVENT_SWITCH_CREATE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_SWITCH_ACTIVATE", HEDDLE_EVENT_SWITCH_ACTIVATE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_SWITCH_DELETE", HEDDLE_EVENT_SWITCH_DELETE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_PORT_CREATE", HEDDLE_EVENT_PORT_CREATE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_PORT_UPDATED", HEDDLE_EVENT_PORT_UPDATED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_PORT_TEARDOWN", HEDDLE_EVENT_PORT_TEARDOWN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_PORT_DELETE", HEDDLE_EVENT_PORT_DELETE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_NIC_CREATE", HEDDLE_EVENT_NIC_CREATE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_NIC_CONNECT", HEDDLE_EVENT_NIC_CONNECT, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_NIC_UPDATED", HEDDLE_EVENT_NIC_UPDATED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_NIC_DISCONNECT", HEDDLE_EVENT_NIC_DISCONNECT, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("EVENT_NIC_DELETE", HEDDLE_EVENT_NIC_DELETE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PORT_EXTERNAL", HEDDLE_PORT_EXTERNAL, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("PORT_INTERNAL", HEDDLE_PORT_INTERNAL, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("PORT_SYNTHETIC", HEDDLE_PORT_SYNTHETIC, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("PORT_EMULATED", HEDDLE_PORT_EMULATED, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("PORT_VALIDATION", HEDDLE_PORT_VALIDATION, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("NIC_NONE", HEDDLE_NIC_NONE, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("NIC_CREATED", HEDDLE_NIC_CREATED, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("NIC_CONNECTED", HEDDLE_NIC_CONNECTED, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("NIC_DISCONNECTED", HEDDLE_NIC_DISCONNECTED, uint8_t, "u8"), \
        HEDDLE_CONSTANT_ROW("LOG_ERROR", HEDDLE_LOG_ERROR, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("LOG_WARN", HEDDLE_LOG_WARN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("LOG_INFO", HEDDLE_LOG_INFO, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("LOG_DEBUG", HEDDLE_LOG_DEBUG, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("SAMPLE_HEADER_MAX", HEDDLE_SAMPLE_HEADER_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("SAMPLE_OUTPUTS_MAX", HEDDLE_SAMPLE_OUTPUTS_MAX, uint64_t, "usize"), \
        HEDDLE_CONSTANT_ROW("DROP_HEADER_MAX", HEDDLE_DROP_HEADER_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_KEYS_MAX", HEDDLE_CONFIG_KEYS_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_BOOLEAN", HEDDLE_CONFIG_BOOLEAN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_INTEGER", HEDDLE_CONFIG_INTEGER, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_TEXT", HEDDLE_CONFIG_TEXT, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_CHOICE", HEDDLE_CONFIG_CHOICE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_FIXED", HEDDLE_CONFIG_FIXED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("CONFIG_PREFIX", HEDDLE_CONFIG_PREFIX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_SCHEMA_MAX", HEDDLE_STATE_SCHEMA_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_PIECE_MIN", HEDDLE_STATE_PIECE_MIN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_BLOB_MAX", HEDDLE_STATE_BLOB_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_BLOBS_MAX", HEDDLE_STATE_BLOBS_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_WORKER_MAX", HEDDLE_STATE_WORKER_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_INSTANCE", HEDDLE_STATE_INSTANCE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_WORKER", HEDDLE_STATE_WORKER, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_NIC", HEDDLE_STATE_NIC, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_KEEPS_HELD", HEDDLE_STATE_KEEPS_HELD, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_DONE", HEDDLE_STATE_DONE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STATE_ABANDONED", HEDDLE_STATE_ABANDONED, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("POLICY_FEATURES_MAX", HEDDLE_POLICY_FEATURES_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("POLICY_STATUS_MAX", HEDDLE_POLICY_STATUS_MAX, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("FEATURE_PORT", HEDDLE_FEATURE_PORT, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("FEATURE_SWITCH", HEDDLE_FEATURE_SWITCH, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("FEATURE_SEVERAL", HEDDLE_FEATURE_SEVERAL, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("FEATURE_STATUS", HEDDLE_FEATURE_STATUS, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STANDARD_VLAN", HEDDLE_STANDARD_VLAN, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STANDARD_SECURITY", HEDDLE_STANDARD_SECURITY, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("STANDARD_PROFILE", HEDDLE_STANDARD_PROFILE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PROPERTY_ADD", HEDDLE_PROPERTY_ADD, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PROPERTY_UPDATE", HEDDLE_PROPERTY_UPDATE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PROPERTY_DELETE", HEDDLE_PROPERTY_DELETE, uint32_t, "u32"), \
        HEDDLE_CONSTANT_ROW("PROPERTY_VALIDATION", HEDDLE_PROPERTY_VALIDATION, uint32_t, "u32") \
    }

/* What a C extension defines. */

extern HEDDLE_EXPORT const heddle_meta_t heddle_extension_meta;
extern HEDDLE_EXPORT const heddle_extension_v1_t heddle_extension_v1;
extern HEDDLE_EXPORT const heddle_layout_row_t heddle_extension_layout[HEDDLE_LAYOUT_ROWS];

#if defined(__clang__)
#define HEDDLE_TOOLCHAIN "clang " __clang_version__
#else
#define HEDDLE_TOOLCHAIN "gcc " __VERSION__
#endif

/* Lowest minor of the host that an extension built with this header runs on. */
#ifndef HEDDLE_MIN_HOST_MINOR
#define HEDDLE_MIN_HOST_MINOR 0
#endif

/*
 * Defines heddle_extension_meta and heddle_extension_layout. Texts are string literals: `id` a reverse URI of at most 63
 * bytes that never changes, `name` and `vendor` at most 63 bytes, `version` at most 31. Once per extension.
 */
#define HEDDLE_EXTENSION(role, capabilities, id, name, vendor, version)                                                \
    __attribute__((section(".heddle.meta"))) const heddle_meta_t heddle_extension_meta = {                             \
        HEDDLE_MAGIC, (uint32_t)sizeof(heddle_meta_t), HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR, HEDDLE_MIN_HOST_MINOR,      \
        (role), (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? HEDDLE_LITTLE_ENDIAN : 2), HEDDLE_LAYOUT_ROWS,            \
        (capabilities), id, name, vendor, version, HEDDLE_TOOLCHAIN, {0}};                                             \
    __attribute__((section(".heddle.layout")))                                                                         \
    const heddle_layout_row_t heddle_extension_layout[HEDDLE_LAYOUT_ROWS] = HEDDLE_LAYOUT

/* A borrowed text for the host; `literal` is a string literal. */
#define HEDDLE_TEXT(literal) heddle_text((literal), sizeof(literal) - 1)

static inline heddle_bytes_t heddle_text(const char *data, size_t length)
{
    heddle_bytes_t bytes = {(const uint8_t *)data, length};
    return bytes;
}

/* The first byte of a packet of a batch: its destination MAC. `length` bytes may be read. */
static inline const uint8_t *heddle_packet_bytes(const heddle_batch_t *batch, const heddle_packet_t *packet)
{
    return batch->base + (size_t)packet->buffer * 64 + packet->start;
}

/* The first byte of a packet after `make_writable` succeeded for it. `length` bytes may be written. */
static inline uint8_t *heddle_packet_writable(const heddle_batch_t *batch, const heddle_packet_t *packet)
{
    return batch->base + (size_t)packet->buffer * 64 + packet->start;
}

/* The first byte of a draft made by `originate` or `clone_packet`. `length` bytes may be written. */
static inline uint8_t *heddle_draft_bytes(const heddle_batch_t *batch, const heddle_packet_t *draft)
{
    return batch->draft_base + (size_t)draft->buffer * 64 + draft->start;
}

/* Fills an error text for `create` and `event`; cut when too long. */
static inline void heddle_error(heddle_error_text_t *error, const char *text)
{
    if (error == NULL) {
        return;
    }
    error->length = 0;
    while (text[error->length] != '\0' && error->length < HEDDLE_ERROR_TEXT_LEN) {
        error->text[error->length] = (uint8_t)text[error->length];
        error->length++;
    }
}

#ifdef __cplusplus
}
#endif

#endif
