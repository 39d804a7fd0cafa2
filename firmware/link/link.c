#include <stddef.h>
#include <string.h>

#include "fw_link.h"
#include "link/transfer.h"
#include "runtime/crc32.h"

/* Behind the last field of every line: `,"crc":"xxxxxxxx"` where it has one, `}` and '\n'. */
enum { LINE_TAIL_BYTES = 19, PAYLOAD_MIN = 16 };

fw_status_t fw_link_open(fw_link_t *link, const fw_link_memory_t *memory) {
  const fw_link_t none = {0};
  if (memory->receive == NULL || memory->transmit == NULL || memory->answers == NULL || memory->answer_count == 0u ||
      memory->payload_bytes < PAYLOAD_MIN || memory->receive_bytes < FW_LINK_RECEIVE_BYTES(memory->payload_bytes) ||
      memory->transmit_bytes < FW_LINK_TRANSMIT_BYTES(memory->payload_bytes) ||
      memory->window_bytes < FW_FRAME_WIRE_BYTES(memory->payload_bytes)) {
    return FW_E_ARGUMENT;
  }
  *link = none;
  link->memory = *memory;
  link->transmit = memory->transmit;
  /* One byte less: fw_command_parse() puts a zero behind a line. */
  fw_demux_init(&link->demux, memory->receive, memory->receive_bytes - 1u);
  fw_answers_init(&link->answers, memory->answers, memory->answer_count);
  return FW_OK;
}

void fw_link_sent(fw_link_t *link) {
  link->transmit_count = 0;
}

void fw_link_open_session(fw_link_t *link, uint32_t session) {
  if (link->has_session != 0u && link->session == session) return;
  link->has_session = 1;
  link->session = session;
  link->next_id = (uint16_t)session; /* so that frames meant for the session before find no transfer */
  fw_answers_reset(&link->answers);
}

void fw_link_close_session(fw_link_t *link) {
  link->has_session = 0;
}

/* ---- lines out ---- */

static fw_json_t *begin_line(fw_link_t *link) {
  const uint32_t room = link->memory.transmit_bytes - link->transmit_count;
  char *const out = (char *)link->transmit + link->transmit_count;
  fw_json_begin(&link->json, out, room < LINE_TAIL_BYTES ? 0u : room - LINE_TAIL_BYTES);
  fw_json_object(&link->json, NULL);
  return &link->json;
}

static void end_line(fw_link_t *link, int with_crc) {
  fw_json_t *json = &link->json;
  if (json->overflow != 0u) return; /* only where the transmit buffer was not empty, against the contract */
  json->size += LINE_TAIL_BYTES;
  if (with_crc) fw_json_hex32(json, "crc", fw_crc32(0, json->out, json->count));
  fw_json_object_end(json);
  json->out[json->count++] = '\n';
  link->transmit_count += json->count;
}

fw_json_t *fw_link_line(fw_link_t *link) {
  return begin_line(link);
}

void fw_link_line_end(fw_link_t *link) {
  end_line(link, link->has_session != 0u);
}

static void put_sequence(fw_link_t *link) {
  if (link->command.sequence != 0u) fw_json_uint(&link->json, "seq", link->command.sequence);
}

fw_json_t *fw_link_answer(fw_link_t *link) {
  fw_json_t *json = begin_line(link);
  fw_json_string(json, "ok", link->command.words[0]);
  put_sequence(link);
  return json;
}

static void finish_answer(fw_link_t *link) {
  const fw_command_t *command = &link->command;
  end_line(link, link->has_session != 0u || command->has_crc != 0u);
  if (link->admitted == 0u) return;
  link->admitted = 0;
  if (link->json.overflow != 0u) link->json.count = 0;
  fw_answers_keep(&link->answers, command->sequence, command->crc, link->json.out, link->json.count);
}

static void put_error(fw_link_t *link, const char *code, const char *message, const char *word) {
  fw_json_t *json = begin_line(link);
  fw_json_object(json, "error");
  fw_json_string(json, "code", code);
  fw_json_string(json, "message", message);
  if (word != NULL) fw_json_text(json, "word", word, 32);
  fw_json_object_end(json);
  put_sequence(link);
}

void fw_link_answer_end(fw_link_t *link) {
  const uint32_t most = link->admitted != 0u ? FW_ANSWER_BYTES : link->memory.transmit_bytes;
  if (link->json.overflow != 0u || link->json.count + LINE_TAIL_BYTES > most) {
    put_error(link, "answer_too_long", "done, but the answer does not fit into a line", NULL);
  }
  finish_answer(link);
}

void fw_link_error(fw_link_t *link, const char *code, const char *message, uint32_t word) {
  put_error(link, code, message, word < link->command.word_count ? link->command.words[word] : NULL);
  /* A long word in a remembered error would not fit: the message alone always does (a test holds that). */
  if (link->admitted != 0u && link->json.count + LINE_TAIL_BYTES > FW_ANSWER_BYTES) {
    put_error(link, code, message, NULL);
  }
  finish_answer(link);
}

/* ---- exactly once ---- */

int fw_link_admit(fw_link_t *link) {
  const fw_command_t *command = &link->command;
  const fw_answer_t *answer = NULL;
  if (command->sequence == 0u) {
    fw_link_error(link, "unprotected", "this command changes state: send @SESSION:SEQUENCE COMMAND *CRC", 0);
    return 0;
  }
  if (link->has_session == 0u || link->session != command->session) {
    fw_link_error(link, "no_session", "this session is not open: send hello SESSION first", 0);
    return 0;
  }
  switch (fw_answers_find(&link->answers, command->sequence, command->crc, &answer)) {
    case FW_ANSWERS_NEW:
      link->admitted = 1;
      return 1;
    case FW_ANSWERS_REPEATED:
      link->counters.repeats++;
      memcpy(link->transmit, answer->line, answer->count);
      link->transmit_count = answer->count;
      return 0;
    case FW_ANSWERS_CONFLICT:
      fw_link_error(link, "conflict", "this sequence number was used for another command", 0);
      return 0;
    default:
      fw_link_error(link, "stale", "an older command than is remembered: it is not executed again", 0);
      return 0;
  }
}

/* ---- bytes in ---- */

static void broken_line(fw_link_t *link, const char *code, const char *message) {
  const fw_command_t none = {0};
  link->command = none;
  link->counters.lines_broken++;
  fw_link_error(link, code, message, 0);
}

static fw_link_event_t line_event(fw_link_t *link) {
  switch (fw_command_parse(&link->command, (char *)link->demux.buffer, link->demux.count)) {
    case FW_COMMAND_OK:
      link->counters.lines++;
      return FW_LINK_COMMAND;
    case FW_COMMAND_GARBLED:
      broken_line(link, "garbled", "the line is not UTF-8 text");
      return FW_LINK_NONE;
    case FW_COMMAND_CRC:
      broken_line(link, "crc", "the CRC of the line is wrong or missing");
      return FW_LINK_NONE;
    default:
      broken_line(link, "syntax", "a line is [@SESSION:SEQUENCE ]WORD … [ *CRC], at most eight words");
      return FW_LINK_NONE;
  }
}

static fw_link_event_t demux_event(fw_link_t *link, fw_demux_event_t event) {
  switch (event) {
    case FW_DEMUX_LINE:
      return line_event(link);
    case FW_DEMUX_FRAME:
      return fw_transfer_frame(link, link->demux.buffer, link->demux.count);
    case FW_DEMUX_BROKEN_LINE:
      broken_line(link, "line", "the line is too long or was cut off");
      return FW_LINK_NONE;
    case FW_DEMUX_BROKEN_FRAME:
      link->counters.frames_broken++;
      fw_transfer_broken(link);
      return FW_LINK_NONE;
    default:
      return FW_LINK_NONE;
  }
}

uint32_t fw_link_receive(fw_link_t *link, const uint8_t *bytes, uint32_t count, fw_link_event_t *event) {
  uint32_t used = 0;
  *event = FW_LINK_NONE;
  while (used < count && link->transmit_count == 0u && *event == FW_LINK_NONE) {
    *event = demux_event(link, fw_demux_byte(&link->demux, bytes[used++]));
  }
  return used;
}
