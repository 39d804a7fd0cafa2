#include "link/demux.h"

/* MODE_SKIP: the rest of a line too long, reported at its end. MODE_DRAIN: the rest of a frame too long,
 * already reported; text again after the next '\n', so that a lost closing delimiter cannot swallow commands
 * for ever. */
enum { MODE_TEXT = 0, MODE_UNDECIDED, MODE_FRAME, MODE_SKIP, MODE_DRAIN };

void fw_demux_init(fw_demux_t *demux, uint8_t *buffer, uint32_t size) {
  demux->buffer = buffer;
  demux->size = size;
  demux->count = 0;
  demux->mode = MODE_TEXT;
  demux->complete = 0;
}

static fw_demux_event_t finish(fw_demux_t *demux, fw_demux_event_t event, uint8_t mode) {
  demux->mode = mode;
  demux->complete = 1;
  return event;
}

static fw_demux_event_t text_byte(fw_demux_t *demux, uint8_t byte) {
  if (byte != (uint8_t)'\n') {
    if (demux->count == demux->size) {
      demux->mode = MODE_SKIP; /* the answer comes once, at the end of the line */
    } else {
      demux->buffer[demux->count++] = byte;
    }
    return FW_DEMUX_NONE;
  }
  if (demux->count > 0u && demux->buffer[demux->count - 1u] == (uint8_t)'\r') demux->count--;
  return demux->count == 0u ? FW_DEMUX_NONE : finish(demux, FW_DEMUX_LINE, MODE_TEXT);
}

static fw_demux_event_t delimiter(fw_demux_t *demux) {
  const uint8_t mode = demux->mode;
  fw_demux_event_t event = FW_DEMUX_NONE;
  if (mode == MODE_FRAME) {
    event = FW_DEMUX_FRAME;
  } else if (mode == MODE_SKIP || (mode == MODE_TEXT && demux->count > 0u)) {
    event = FW_DEMUX_BROKEN_LINE;
  } else if (mode == MODE_UNDECIDED && demux->count > 0u && demux->buffer[0] != (uint8_t)'\n') {
    event = FW_DEMUX_BROKEN_FRAME;
  }
  return finish(demux, event, MODE_UNDECIDED);
}

fw_demux_event_t fw_demux_byte(fw_demux_t *demux, uint8_t byte) {
  if (demux->complete != 0u) {
    demux->complete = 0;
    demux->count = 0;
  }
  if (byte == 0u) return delimiter(demux);
  switch (demux->mode) {
    case MODE_FRAME:
      if (demux->count == demux->size) {
        return finish(demux, FW_DEMUX_BROKEN_FRAME, byte == (uint8_t)'\n' ? MODE_TEXT : MODE_DRAIN);
      }
      demux->buffer[demux->count++] = byte;
      return FW_DEMUX_NONE;
    case MODE_SKIP:
      return byte == (uint8_t)'\n' ? finish(demux, FW_DEMUX_BROKEN_LINE, MODE_TEXT) : FW_DEMUX_NONE;
    case MODE_DRAIN:
      if (byte == (uint8_t)'\n') demux->mode = MODE_TEXT;
      demux->complete = 1;
      return FW_DEMUX_NONE;
    case MODE_UNDECIDED:
      if (demux->count == 0u) {
        demux->buffer[demux->count++] = byte;
        return FW_DEMUX_NONE;
      }
      if (byte >= FW_FRAME_TYPE_FIRST) {
        demux->buffer[demux->count++] = byte;
        demux->mode = MODE_FRAME;
        return FW_DEMUX_NONE;
      }
      demux->mode = MODE_TEXT;
      demux->count = 0;
      (void)text_byte(demux, demux->buffer[0]); /* one byte is never a whole line that is not empty */
      return text_byte(demux, byte);
    default:
      return text_byte(demux, byte);
  }
}
