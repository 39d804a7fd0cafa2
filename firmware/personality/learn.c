/* The `learn` image: runs a script of records through the learner and counts what its updates cost.
 *
 * factory.bin is a factory block, records.bin the records (learn/script.h). replies.bin gets one fw_reply_t a record;
 * learned.bin updates, rollbacks, floats of the head, largest instructions of an update (uint32 each), the sum of the
 * instructions of all updates (uint64), then the head. Memory comes
 * from a generated file. */
#include <string.h>

#include "fw_measure.h"
#include "fw_port.h"
#include "learn/script.h"

enum { EXIT_INPUT = 2, EXIT_OUTPUT = 3, EXIT_LEARNER = 4 };

extern uint32_t fw_learn_block[];
extern const uint32_t fw_learn_block_bytes;
extern uint32_t fw_learn_memory[];
extern float fw_learn_head[];
extern const uint32_t fw_learn_memory_bytes; /* also of the head */

static uint32_t record[1 + (FW_LEARNER_FEATURES_LIMIT + FW_LEARNER_FEATURES_LIMIT / 2) / 4];
static fw_learner_t learner;

/* Bytes read before the end of the file, or a negative status. */
static int32_t read_all(int32_t file, void *bytes, uint32_t size) {
  uint8_t *const into = bytes;
  uint32_t done = 0;
  while (done < size) {
    const int32_t got = fw_port_bulk_read(file, into + done, size - done);
    if (got < 0) return got;
    if (got == 0) break;
    done += (uint32_t)got;
  }
  return (int32_t)done;
}

static void open_learner(void) {
  fw_learner_config_t config;
  fw_learner_factory_t factory;
  const int32_t file = fw_port_bulk_open("factory.bin", FW_BULK_READ);
  if (file < 0 || read_all(file, fw_learn_block, fw_learn_block_bytes) != (int32_t)fw_learn_block_bytes) {
    fw_port_exit(EXIT_INPUT);
  }
  fw_port_bulk_close(file);
  if (fw_script_factory(fw_learn_block, fw_learn_block_bytes, &config, &factory) != FW_OK ||
      fw_learner_open(&learner, &config, &factory, fw_learn_memory, fw_learn_memory_bytes) != FW_OK) {
    fw_port_exit(EXIT_LEARNER);
  }
}

static struct {
  uint32_t updates;
  uint32_t rollbacks;
  uint32_t floats;
  uint32_t most;
  uint64_t sum;
} result;

static void poll_until_idle(void) {
  for (;;) {
    fw_measure_begin();
    const fw_learner_event_t event = fw_learner_poll(&learner);
    const uint64_t instructions = fw_measure_end();
    if (event == FW_LEARNER_IDLE) return;
    /* Values: what a lesson leaves behind, a matrix too, is part of its update. */
    const int is_kept = event == FW_LEARNER_ACCEPTED && learner.target != 0;
    if (event != FW_LEARNER_UPDATED && !is_kept) continue;
    result.sum += instructions;
    if (instructions > result.most) result.most = (uint32_t)instructions;
  }
}

int main(void) {
  fw_port_init();
  open_learner();
  const int32_t in = fw_port_bulk_open("records.bin", FW_BULK_READ);
  const int32_t replies = fw_port_bulk_open("replies.bin", FW_BULK_WRITE);
  if (in < 0 || replies < 0) fw_port_exit(EXIT_INPUT);
  const uint32_t bytes = (uint32_t)sizeof(fw_record_t) + fw_script_payload(fw_learner_row_bytes(&learner.config));
  int32_t got;
  while ((got = read_all(in, record, bytes)) == (int32_t)bytes) {
    fw_record_t what;
    memcpy(&what, record, sizeof what);
    const fw_reply_t reply = fw_script_apply(&learner, &what, (const uint8_t *)(record + 1));
    poll_until_idle();
    if (fw_port_bulk_write(replies, &reply, sizeof reply) < 0) fw_port_exit(EXIT_OUTPUT);
  }
  fw_port_bulk_close(replies);
  result.updates = learner.updates;
  result.rollbacks = learner.rollbacks;
  result.floats = fw_script_head(&learner, fw_learn_head);
  const int32_t out = fw_port_bulk_open("learned.bin", FW_BULK_WRITE);
  int32_t written = fw_port_bulk_write(out, &result, sizeof result);
  if (written >= 0) written = fw_port_bulk_write(out, fw_learn_head, result.floats * (uint32_t)sizeof(float));
  fw_port_bulk_close(out);
  fw_port_exit(got != 0 ? EXIT_INPUT : written < 0 ? EXIT_OUTPUT : 0);
}
