#include "link/transfer.h"

#include <stddef.h>
#include <string.h>

#include "link/cobs.h"
#include "runtime/crc32.h"

enum { FRAME_BYTES_MIN = FW_FRAME_HEADER_BYTES + FW_FRAME_CRC_BYTES, WORD_BYTES = 4 };

static uint32_t read_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void write_u32(uint8_t *bytes, uint32_t value) {
  for (uint32_t i = 0; i < WORD_BYTES; i++) bytes[i] = (uint8_t)(value >> (8u * i));
}

static void send_frame(fw_link_t *link, uint8_t type, uint8_t status, uint16_t transfer, uint32_t offset,
                       const uint8_t *payload, uint32_t count) {
  uint8_t header[FW_FRAME_HEADER_BYTES];
  uint8_t crc[FW_FRAME_CRC_BYTES];
  fw_cobs_encoder_t encoder;
  uint8_t *const out = link->transmit + link->transmit_count;
  const uint32_t room = link->memory.transmit_bytes - link->transmit_count;
  uint32_t encoded;
  if (room < 2u) return;
  header[0] = type;
  header[1] = status;
  header[2] = (uint8_t)transfer;
  header[3] = (uint8_t)(transfer >> 8);
  write_u32(header + 4, offset);
  write_u32(crc, fw_crc32(fw_crc32(0, header, sizeof header), payload, count));
  fw_cobs_begin(&encoder, out + 1, room - 2u);
  fw_cobs_put(&encoder, header, sizeof header);
  fw_cobs_put(&encoder, payload, count);
  fw_cobs_put(&encoder, crc, sizeof crc);
  encoded = fw_cobs_end(&encoder);
  if (encoded == 0u) return; /* cannot be: the transmit buffer is empty and has room for the longest frame */
  out[0] = 0;
  out[1u + encoded] = 0;
  link->transmit_count += encoded + 2u;
}

static void acknowledge(fw_link_t *link, fw_ack_status_t status, uint16_t transfer, uint32_t offset, uint32_t window) {
  uint8_t payload[WORD_BYTES];
  write_u32(payload, window);
  send_frame(link, FW_FRAME_ACK, (uint8_t)status, transfer, offset, payload, sizeof payload);
}

static void acknowledge_inbound(fw_link_t *link, fw_ack_status_t status) {
  const fw_inbound_t *in = &link->inbound;
  acknowledge(link, status, in->id, in->offset, in->size - in->offset);
}

static void acknowledge_stream(fw_link_t *link, fw_ack_status_t status) {
  acknowledge(link, status, link->stream.id, link->stream.offset, link->stream.window);
}

static fw_link_event_t inbound_data(fw_link_t *link, uint32_t offset, const uint8_t *payload, uint32_t count) {
  fw_inbound_t *in = &link->inbound;
  const uint32_t known = in->offset - offset; /* bytes of the payload that are here already, if offset <= in->offset */
  if (offset > in->size || count > in->size - offset) {
    acknowledge_inbound(link, FW_ACK_RANGE);
  } else if (offset > in->offset) {
    acknowledge_inbound(link, FW_ACK_GAP);
  } else if (known >= count) {
    acknowledge_inbound(link, FW_ACK_OK);
  } else {
    memcpy(in->bytes + in->offset, payload + known, count - known);
    in->running = fw_crc32(in->running, payload + known, count - known);
    in->offset += count - known;
    if (in->offset < in->size || in->running == in->crc) {
      acknowledge_inbound(link, FW_ACK_OK);
      return in->offset == in->size ? FW_LINK_BLOB : FW_LINK_NONE;
    }
    in->offset = 0;
    in->running = 0;
    acknowledge_inbound(link, FW_ACK_CRC);
  }
  return FW_LINK_NONE;
}

static fw_link_event_t stream_data(fw_link_t *link, uint32_t offset, const uint8_t *payload, uint32_t count) {
  const uint32_t known = link->stream.offset - offset; /* modulo 2^32: a stream has no end */
  if (known >= 0x80000000u) {
    acknowledge_stream(link, FW_ACK_GAP);
    return FW_LINK_NONE;
  }
  if (known > count) {
    acknowledge_stream(link, FW_ACK_OK);
    return FW_LINK_NONE;
  }
  link->payload = payload + known; /* may be empty: a host asks for the window that way */
  link->payload_count = count - known;
  return FW_LINK_STREAM;
}

static void outbound_read(fw_link_t *link, uint32_t offset, const uint8_t *payload, uint32_t count) {
  const fw_outbound_t *out = &link->outbound;
  uint32_t wanted;
  if (count != WORD_BYTES || offset > out->size) {
    acknowledge(link, FW_ACK_RANGE, out->id, 0, 0);
    return;
  }
  wanted = read_u32(payload);
  if (wanted > link->memory.payload_bytes) wanted = link->memory.payload_bytes;
  if (wanted > out->size - offset) wanted = out->size - offset;
  send_frame(link, FW_FRAME_DATA, FW_ACK_OK, out->id, offset, out->bytes + offset, wanted);
}

static void live_read(fw_link_t *link, uint32_t offset, const uint8_t *payload, uint32_t count) {
  fw_live_t *live = &link->live;
  if (count != WORD_BYTES) {
    acknowledge(link, FW_ACK_RANGE, live->id, live->next, 0);
    return;
  }
  if (offset != live->until) live->next = offset;
  live->until = offset + read_u32(payload);
}

fw_link_event_t fw_transfer_frame(fw_link_t *link, uint8_t *body, uint32_t count) {
  const int32_t decoded = fw_cobs_decode(body, count);
  const uint8_t *payload = body + FW_FRAME_HEADER_BYTES;
  uint32_t payload_count;
  uint32_t offset;
  uint16_t transfer;
  if (decoded < FRAME_BYTES_MIN ||
      fw_crc32(0, body, (uint32_t)decoded - FW_FRAME_CRC_BYTES) != read_u32(body + decoded - FW_FRAME_CRC_BYTES)) {
    link->counters.frames_broken++;
    fw_transfer_broken(link);
    return FW_LINK_NONE;
  }
  link->counters.frames++;
  payload_count = (uint32_t)decoded - FRAME_BYTES_MIN;
  transfer = (uint16_t)(body[2] | body[3] << 8);
  offset = read_u32(body + 4);
  if (body[0] != FW_FRAME_DATA && body[0] != FW_FRAME_READ) {
    acknowledge(link, FW_ACK_TYPE, transfer, offset, 0);
    return FW_LINK_NONE;
  }
  /* 0 is the number of closed transfers. */
  if (transfer != 0u && body[0] == FW_FRAME_DATA && transfer == link->inbound.id) {
    return inbound_data(link, offset, payload, payload_count);
  }
  if (transfer != 0u && body[0] == FW_FRAME_DATA && transfer == link->stream.id) {
    return stream_data(link, offset, payload, payload_count);
  }
  if (transfer != 0u && body[0] == FW_FRAME_READ && transfer == link->outbound.id) {
    outbound_read(link, offset, payload, payload_count);
    return FW_LINK_NONE;
  }
  if (transfer != 0u && body[0] == FW_FRAME_READ && transfer == link->live.id) {
    live_read(link, offset, payload, payload_count);
    return FW_LINK_NONE;
  }
  acknowledge(link, FW_ACK_TRANSFER, transfer, offset, 0);
  return FW_LINK_NONE;
}

void fw_transfer_broken(fw_link_t *link) {
  if (link->stream.id != 0u) {
    acknowledge_stream(link, FW_ACK_BROKEN);
  } else if (link->inbound.id != 0u && link->inbound.offset < link->inbound.size) {
    acknowledge_inbound(link, FW_ACK_BROKEN);
  }
}

/* Identifiers are never 0 and differ from those of the transfers before, so that late frames find nobody. */
static uint16_t new_id(fw_link_t *link) {
  link->next_id++;
  if (link->next_id == 0u) link->next_id = 1;
  return link->next_id;
}

void fw_link_open_inbound(fw_link_t *link, uint8_t *bytes, uint32_t size, uint32_t crc, uint16_t tag) {
  fw_inbound_t *in = &link->inbound;
  const int resumed = in->id != 0u && in->bytes == bytes && in->size == size && in->crc == crc && in->tag == tag;
  in->id = new_id(link);
  if (resumed) return;
  in->bytes = bytes;
  in->size = size;
  in->crc = crc;
  in->tag = tag;
  in->offset = 0;
  in->running = 0;
}

void fw_link_open_outbound(fw_link_t *link, const uint8_t *bytes, uint32_t size) {
  fw_outbound_t *out = &link->outbound;
  if (out->id != 0u && out->bytes == bytes && out->size == size) return; /* asked twice: reads under way go on */
  out->id = new_id(link);
  out->bytes = bytes;
  out->size = size;
}

void fw_link_open_stream(fw_link_t *link, uint32_t window) {
  link->stream.id = new_id(link);
  link->stream.offset = 0;
  link->stream.window = window;
}

void fw_link_close_inbound(fw_link_t *link) {
  fw_inbound_t *in = &link->inbound;
  if (in->offset < in->size) in->id = 0;
  in->bytes = NULL; /* nothing resumes it any more; a complete one still acknowledges frames that come late */
}

void fw_link_close_outbound(fw_link_t *link) {
  link->outbound.id = 0;
}

void fw_link_close_stream(fw_link_t *link) {
  link->stream.id = 0;
}

void fw_link_stream_accept(fw_link_t *link, uint32_t taken, uint32_t window) {
  link->stream.offset += taken;
  link->stream.window = window;
  acknowledge_stream(link, FW_ACK_OK);
}

void fw_link_open_live(fw_link_t *link) {
  link->live.id = new_id(link);
  link->live.next = 0;
  link->live.until = 0;
}

void fw_link_close_live(fw_link_t *link) {
  link->live.id = 0;
}

int fw_link_live_wants(const fw_link_t *link, uint32_t *number) {
  *number = link->live.next;
  return link->live.id != 0u && link->live.next != link->live.until;
}

void fw_link_live_send(fw_link_t *link, uint32_t number, const uint8_t *bytes, uint32_t count) {
  fw_live_t *live = &link->live;
  const fw_ack_status_t status = number == live->next ? FW_ACK_OK : FW_ACK_GAP;
  send_frame(link, FW_FRAME_DATA, (uint8_t)status, live->id, number, bytes, count);
  /* What is gone counts as sent: a host that asked for so many blocks waits for no more than that. */
  live->next = live->until - number - 1u < 0x80000000u ? number + 1u : live->until;
}
