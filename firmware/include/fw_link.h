/* The device's end of the link (docs/link.md): one byte stream that carries text lines for people and binary
 * frames for bulk data.
 *
 * This layer frames, checks, remembers and acknowledges; what commands mean is the caller's affair. It never
 * waits: bytes go in, at most one event comes out, and what there is to send lies in the transmit buffer.
 *
 *     for (;;) {
 *       uint32_t count = fw_port_read(bytes, sizeof bytes);
 *       for (uint32_t used = 0; used < count;) {
 *         fw_link_event_t event;
 *         used += fw_link_receive(&link, bytes + used, count - used, &event);
 *         … handle the event, which writes at most one message …
 *         fw_port_write(link.transmit, link.transmit_count);
 *         fw_link_sent(&link);
 *       }
 *     }
 */
#ifndef FW_LINK_H
#define FW_LINK_H

#include <stdint.h>

#include "fw_status.h"
#include "link/answers.h"
#include "link/cobs.h"
#include "link/command.h"
#include "link/demux.h"
#include "link/json.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_LINK_PROTOCOL 1u

/* Frames before COBS: type, status, transfer (16 bits), offset (32 bits), payload, CRC-32; little-endian. */
#define FW_FRAME_HEADER_BYTES 8u
#define FW_FRAME_CRC_BYTES    4u

/* Bytes on the wire of a frame with `payload` bytes, both delimiters included. */
#define FW_FRAME_WIRE_BYTES(payload) (FW_COBS_ENCODED_MAX(FW_FRAME_HEADER_BYTES + (payload) + FW_FRAME_CRC_BYTES) + 2u)

/* What a receive buffer must have for frames of `payload` bytes; lines may be as long. */
#define FW_LINK_RECEIVE_BYTES(payload) (FW_FRAME_WIRE_BYTES(payload) - 1u)

/* The longest line that this firmware writes, and what a transmit buffer must have for it and for frames of `payload`
 * bytes. */
#define FW_LINK_LINE_BYTES 640u
#define FW_LINK_TRANSMIT_BYTES(payload) \
  (FW_FRAME_WIRE_BYTES(payload) > FW_LINK_LINE_BYTES ? FW_FRAME_WIRE_BYTES(payload) : FW_LINK_LINE_BYTES)

typedef enum {
  FW_FRAME_DATA = 0xF8, /* payload: the bytes at `offset` of the transfer */
  FW_FRAME_ACK = 0xF9,  /* device to host; `offset`: the next byte expected; payload: window (uint32) behind it */
  FW_FRAME_READ = 0xFA  /* host to device; payload: how many bytes (uint32) from `offset` to send as DATA */
} fw_frame_type_t;

typedef enum {
  FW_ACK_OK = 0,
  FW_ACK_GAP = 1,      /* the frame lies behind `offset`: something was lost, send again from there */
  FW_ACK_CRC = 2,      /* the whole blob has another CRC than announced: it is void, begin again */
  FW_ACK_RANGE = 3,    /* outside the transfer, or a payload of the wrong size */
  FW_ACK_TRANSFER = 4, /* no such transfer (any more) */
  FW_ACK_BROKEN = 5,   /* a damaged frame came; `offset` says where to go on */
  FW_ACK_TYPE = 6      /* a frame type that this firmware does not know */
} fw_ack_status_t;

typedef enum {
  FW_LINK_NONE = 0,
  FW_LINK_COMMAND, /* link->command: answer it, exactly one message */
  FW_LINK_STREAM,  /* link->payload: take what fits and call fw_link_stream_accept() */
  FW_LINK_BLOB     /* the blob put into link->inbound is complete and its CRC is right */
} fw_link_event_t;

/* A blob on its way in. `bytes` is written while it arrives: whoever uses it waits for FW_LINK_BLOB. */
typedef struct {
  uint8_t *bytes;
  uint32_t size;
  uint32_t crc;     /* announced */
  uint32_t running; /* CRC of what has arrived */
  uint32_t offset;  /* next byte expected */
  uint16_t id;      /* 0: none */
  uint16_t tag;     /* the caller's name for it */
} fw_inbound_t;

typedef struct {
  const uint8_t *bytes;
  uint32_t size;
  uint16_t id; /* 0: none */
} fw_outbound_t;

typedef struct {
  uint32_t offset; /* next byte expected; wraps */
  uint32_t window; /* as last acknowledged */
  uint16_t id;     /* 0: none */
} fw_stream_t;

typedef struct {
  uint32_t next;  /* number of the block that the host waits for */
  uint32_t until; /* the first block that it has not asked for; both wrap */
  uint16_t id;    /* 0: none */
} fw_live_t;

typedef struct {
  uint32_t lines;         /* commands understood */
  uint32_t lines_broken;  /* too long, cut off, garbled, wrong CRC, no command */
  uint32_t frames;        /* frames understood */
  uint32_t frames_broken; /* too long, too short, not COBS, wrong CRC */
  uint32_t repeats;       /* answers given again without executing */
} fw_link_counters_t;

typedef struct {
  uint8_t *receive; /* FW_LINK_RECEIVE_BYTES(payload_bytes) */
  uint32_t receive_bytes;
  uint8_t *transmit; /* FW_LINK_TRANSMIT_BYTES(payload_bytes) */
  uint32_t transmit_bytes;
  fw_answer_t *answers; /* one at least; as many as a host may have commands under way */
  uint32_t answer_count;
  uint32_t payload_bytes; /* of the longest frame, at least 16 */
  uint32_t window_bytes;  /* frame bytes that the port buffers while nobody reads: what a host may send
                             unacknowledged */
} fw_link_memory_t;

typedef struct {
  fw_link_memory_t memory;
  fw_demux_t demux;
  fw_answers_t answers;
  fw_command_t command;
  fw_inbound_t inbound;
  fw_outbound_t outbound;
  fw_stream_t stream;
  fw_live_t live;
  fw_link_counters_t counters;
  fw_json_t json;
  const uint8_t *payload; /* of FW_LINK_STREAM */
  uint32_t payload_count;
  uint8_t *transmit;
  uint32_t transmit_count;
  uint32_t session; /* valid while has_session */
  uint16_t next_id;
  uint8_t has_session;
  uint8_t admitted; /* the answer being written is to be remembered */
} fw_link_t;

/* FW_E_ARGUMENT: a buffer is missing or smaller than documented. */
fw_status_t fw_link_open(fw_link_t *link, const fw_link_memory_t *memory);

/* Takes bytes up to the first event (*event), or all of them. Returns how many were taken; none while the
 * transmit buffer is not empty. Whatever is wrong with the input is answered or counted in here. */
uint32_t fw_link_receive(fw_link_t *link, const uint8_t *bytes, uint32_t count, fw_link_event_t *event);

/* The transmit buffer was sent. */
void fw_link_sent(fw_link_t *link);

/* Opens a session (the command `hello`): sequence numbers begin again unless it is the open one already. From
 * now on every line ends with its CRC. */
void fw_link_open_session(fw_link_t *link, uint32_t session);

/* Closes it (the command `bye`): lines are bare again, nothing that changes state is taken. */
void fw_link_close_session(fw_link_t *link);

/* For commands that change state, before anything is changed: 1 says go on and answer; 0 says the command has
 * been answered already (repeated, stale, without session, sequence number or CRC). */
int fw_link_admit(fw_link_t *link);

/* The answer to link->command: fw_link_answer() opens {"ok":WORD,"seq":N, the caller adds its fields,
 * fw_link_answer_end() closes it. */
fw_json_t *fw_link_answer(fw_link_t *link);
void fw_link_answer_end(fw_link_t *link);

/* The answer when a command cannot be done: {"error":{"code":CODE,"message":MESSAGE,"word":WORD},"seq":N}.
 * `word` is the command's word with that index, left out if there is none. */
void fw_link_error(fw_link_t *link, const char *code, const char *message, uint32_t word);

/* A line that nobody asked for: {…}. Only while the transmit buffer is empty. */
fw_json_t *fw_link_line(fw_link_t *link);
void fw_link_line_end(fw_link_t *link);

/* Bulk data in, whole: expects `size` bytes with this CRC-32 at `bytes`. The same announcement again (place,
 * size, CRC) resumes: link->inbound.offset says how much is here. */
void fw_link_open_inbound(fw_link_t *link, uint8_t *bytes, uint32_t size, uint32_t crc, uint16_t tag);

/* Bulk data out: `bytes` can be read with READ frames until the next call. */
void fw_link_open_outbound(fw_link_t *link, const uint8_t *bytes, uint32_t size);

/* Ends a transfer. Frames for it are refused from now on, but those that repeat what a complete blob had already are
 * still acknowledged: their sender may have missed the acknowledgement. The same announcement again begins anew. */
void fw_link_close_inbound(fw_link_t *link);
void fw_link_close_outbound(fw_link_t *link);

/* Bulk data in, endless: begins at offset 0 with room for `window` bytes. */
void fw_link_open_stream(fw_link_t *link, uint32_t window);
void fw_link_close_stream(fw_link_t *link);

/* Answers FW_LINK_STREAM: `taken` bytes of the payload are accepted (none or a part where room is short),
 * `window` more could follow. Also called on its own, with taken = 0, when room has grown; only while nothing
 * waits to be sent. */
void fw_link_stream_accept(fw_link_t *link, uint32_t taken, uint32_t window);

/* Bulk data out, endless, in numbered blocks that come into being while the host waits for them: a READ asks for a
 * number of blocks (its payload) from its offset on. One that goes on where the last one ended adds to it; any other
 * goes back, for what was lost. */
void fw_link_open_live(fw_link_t *link);
void fw_link_close_live(fw_link_t *link);

/* 1, and its number, if the host has asked for another block; only while nothing waits to be sent. */
int fw_link_live_wants(const fw_link_t *link, uint32_t *number);

/* Sends that block, or a later one if those before it are gone, which the frame says (FW_ACK_GAP). */
void fw_link_live_send(fw_link_t *link, uint32_t number, const uint8_t *bytes, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
