/* Splits one byte stream into text lines and binary frames.
 *
 * Text lines end with '\n' and contain no 0x00. A frame is COBS between two 0x00 (neighbours may share one).
 * Its first decoded byte, the frame type, is 0xF8 … 0xFF, which is nowhere in UTF-8: so the second byte after
 * a 0x00 says whether a frame or a line follows, and a lost or added delimiter never swaps the two for longer
 * than until the next 0x00. A frame longer than the buffer is given up and the stream is text again from the
 * next '\n'. */
#ifndef FW_LINK_DEMUX_H
#define FW_LINK_DEMUX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_FRAME_TYPE_FIRST 0xF8u

typedef enum {
  FW_DEMUX_NONE = 0,
  FW_DEMUX_LINE,        /* buffer[0 … count) is a line, without its '\n' and '\r', never empty */
  FW_DEMUX_FRAME,       /* buffer[0 … count) is a frame body, still COBS, at least two bytes */
  FW_DEMUX_BROKEN_LINE, /* longer than the buffer, or cut off by a 0x00 */
  FW_DEMUX_BROKEN_FRAME /* longer than the buffer, or shorter than two bytes */
} fw_demux_event_t;

typedef struct {
  uint8_t *buffer;
  uint32_t size;
  uint32_t count;
  uint8_t mode;
  uint8_t complete; /* the buffer holds an event that the next byte may overwrite */
} fw_demux_t;

/* `buffer` of `size` bytes (at least 2) belongs to the demultiplexer from now on. The stream starts as text.
 */
void fw_demux_init(fw_demux_t *demux, uint8_t *buffer, uint32_t size);

/* Takes one byte. After an event the buffer stays as it is until the next call. */
fw_demux_event_t fw_demux_byte(fw_demux_t *demux, uint8_t byte);

#ifdef __cplusplus
}
#endif

#endif
