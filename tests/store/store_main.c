/* The store and the learner on flash that loses power at every operation. Commands on argv, one result line on stdout:
 *
 *     store_main cuts SEED      a run of 200 updates with saves, undos and a reset; after every write and erase, and
 *                               within it, power is lost on a copy
 *     store_main flips SEED     random bits of random records turn over
 *     store_main wear SAVES     erasures of every page
 *     store_main failing SEED   a page that does not keep what is written
 *     store_main life UPDATES   a long life: weights stay finite and small, wear even (built with -DLARGE)
 *     store_main record         the flash after some saves, as bytes, for the fixture
 *     store_main load FILE      the state that a device finds in these flash pages
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_flash.h"
#include "fw_keeper.h"
#include "learn/learner.h"
#include "learn/recursive.h"

/* With VALUES (and FW_RECURSIVE): a regression of two outputs. */
#if defined(VALUES) && defined(LARGE)
enum { FEATURES = 20, CLASSES = 2, FACTORY = CLASSES, REPLAY = 1, GUARD = 15, RUNNING = 0 };
enum { PAGE = 1024, PAGES = 56, STATE_MOST = 24576 };
#elif defined(VALUES)
enum { FEATURES = 6, CLASSES = 2, FACTORY = CLASSES, REPLAY = 1, GUARD = 5, RUNNING = 0 };
enum { PAGE = 256, PAGES = 13, STATE_MOST = 2048 };
#elif defined(LARGE)
enum { FEATURES = 64, CLASSES = 12, FACTORY = 10, REPLAY = 8, GUARD = 15, RUNNING = 1 };
enum { PAGE = 1024, STATE_MOST = 24576 };
#ifdef FW_ADAPTERS
enum { PAGES = 84 };
#else
enum { PAGES = 56 };
#endif
#else
enum { FEATURES = 6, CLASSES = 4, FACTORY = 2, REPLAY = 3, GUARD = 5, RUNNING = 1 };
enum { PAGE = 256, PAGES = 13, STATE_MOST = 2048 };
#endif
#ifdef FW_ADAPTERS
enum { CHANNELS = FEATURES / 2, ROW = FW_LEARNER_ADAPTED_ROW(FEATURES) };
#define ADAPTERS \
  { CHANNELS, 0, -128, -128, 1.0f, 0.5f, 20.0f, 1.0f }
#else
enum { CHANNELS = 0, ROW = FEATURES };
#define ADAPTERS \
  { 0, 0, 0, 0, 0.0f, 0.0f, 0.0f, 0.0f }
#endif
#ifdef VALUES
enum { HAS_VALUES = 1, MATRIX = FW_LEARNER_RECURSIVE_BYTES(FEATURES), FACTORY_GUARD = 0 };
#define FORGETTING 0.99f
#else
enum { HAS_VALUES = 0, MATRIX = 0, FACTORY_GUARD = 2 };
#define FORGETTING 0.0f
#endif
enum { BYTES = PAGE * PAGES, UPDATES = 200 };

/* ---- flash ---- */

typedef struct {
  uint8_t bytes[BYTES];
  uint8_t writes[BYTES / 4]; /* since the page was erased */
  uint32_t erases[PAGES];
  uint32_t failing_page; /* PAGES: none */
} image_t;

static image_t device;
static image_t copy;
static image_t *flash = &device;
static uint32_t operations, cuts, twice;
static int watching;
static uint32_t generator;

static uint32_t chance(void) {
  generator ^= generator << 13;
  generator ^= generator >> 17;
  generator ^= generator << 5;
  return generator;
}

static void fail(const char *what) {
  printf("FAILED %s at operation %u\n", what, operations);
  exit(1);
}

static void power_is_lost_at(uint32_t offset, uint32_t word, uint32_t page, int is_erase);

fw_status_t fw_flash_open(fw_flash_t *f) {
  f->bytes = flash->bytes;
  f->page_bytes = PAGE;
  f->pages = PAGES;
  return FW_OK;
}

fw_status_t fw_flash_write(uint32_t offset, uint32_t word) {
  uint32_t old;
  if (offset % 4u || offset >= BYTES) fail("a write outside");
  if (watching) power_is_lost_at(offset, word, 0, 0);
  memcpy(&old, flash->bytes + offset, 4);
  old &= word;
  if (flash->failing_page == offset / PAGE) old &= 0x7FFFFFFFu;
  memcpy(flash->bytes + offset, &old, 4);
  if (++flash->writes[offset / 4u] > 2u) fail("a word written three times");
  if (flash->writes[offset / 4u] == 2u) ++twice;
  ++operations;
  return FW_OK;
}

/* Every other slice does nothing yet, as on parts that erase in pieces. */
int32_t fw_flash_erase(uint32_t page) {
  static uint32_t slices;
  if (page >= PAGES) fail("an erase outside");
  if (++slices % 2u) return 0;
  if (watching) power_is_lost_at(0, 0, page, 1);
  memset(flash->bytes + page * PAGE, 0xFF, PAGE);
  memset(flash->writes + page * PAGE / 4u, 0, PAGE / 4u);
  ++flash->erases[page];
  ++operations;
  return 1;
}

/* ---- the device ---- */

static const uint8_t model[32] = {1, 2, 3, 4, 5};
#ifdef LARGE
static const float pull = 1e-4f; /* the app's default */
#else
static const float pull = 0.01f;
#endif
static fw_learner_config_t config = {
    FEATURES, CLASSES, REPLAY, GUARD,    HAS_VALUES ? FW_LOSS_SQUARED : FW_LOSS_SOFTMAX,
    RUNNING,  2,       GUARD,  0.05f,    0.5f,
    0.0f,     0.5f,    0.0f,   ADAPTERS, FORGETTING};
static float head[(FEATURES + 1) * FACTORY] = {0.3f, -0.7f, 0.1f, 0.9f, -0.2f, 0.4f, -0.6f, 0.25f, 0.8f, -1.1f};
static float mean[FEATURES] = {-100, -20, 3, 0, 17, 60};
static float gain[FEATURES] = {0.02f, 0.03f, 0.01f, 0.04f, 0.02f, 0.02f};
static char names[FACTORY][FW_LEARNER_NAME_BYTES] = {"a", "b"};
static const int8_t replay[FACTORY * REPLAY * ROW] = {-90, 12, 7, -3, 44, 81};
static const uint8_t stored[FACTORY] = {1, 0};
static const int8_t guard[2 * ROW] = {5, 6, 7, 8, 9, 10, -5};
static const uint16_t guard_labels[2] = {0, 1};
static const fw_learner_factory_t factory = {head,   mean,  gain,         &names[0][0],  replay,
                                             stored, guard, guard_labels, FACTORY_GUARD, FACTORY};

typedef struct {
  fw_learner_t learner;
  fw_keeper_t keeper;
  uint32_t
      memory[(FW_LEARNER_ADAPTED_BYTES(FEATURES, CLASSES, REPLAY, GUARD, RUNNING, HAS_VALUES, CHANNELS) + MATRIX) / 4u];
} machine_t;

typedef struct {
  uint8_t bytes[STATE_MOST];
  uint32_t count;
} state_t;

static state_t blank;             /* the factory's */
static state_t committed, coming; /* what a boot must find; what a save would make of it */

static void boot(machine_t *m) {
  memset(m, 0xA5, sizeof *m); /* RAM after power-up */
  memset(m->memory, 0, sizeof m->memory);
  config.pull = pull;
  if (fw_learner_start(&m->learner, &config, &factory, m->memory, sizeof m->memory) != FW_OK) fail("start");
  if (fw_keeper_open(&m->keeper, &m->learner, model) != FW_OK) fail("open");
}

static void snapshot(const machine_t *m, state_t *s) {
  fw_record_header_t header;
  fw_store_part_t parts[FW_RECORD_PARTS];
  const uint32_t count = fw_record_parts(&m->learner, model, &header, parts);
  memset(s, 0, sizeof *s);
  for (uint32_t i = 0; i < count; ++i) {
    memcpy(s->bytes + s->count, parts[i].bytes, parts[i].count);
    s->count += parts[i].count;
  }
}

static int same(const state_t *a, const state_t *b) {
  return a->count == b->count && memcmp(a->bytes, b->bytes, a->count) == 0;
}

static void run(machine_t *m) {
  while (fw_keeper_poll(&m->keeper) != FW_KEEPER_IDLE) {
  }
}

/* A lesson: its class, or what a regression's outputs should have been. */
static fw_status_t teach_row(machine_t *m, const int8_t *row, uint32_t label) {
#ifdef VALUES
  float targets[CLASSES];
  for (uint32_t c = 0; c < CLASSES; ++c)
    targets[c] = 0.01f * (float)row[c] - 0.002f * (float)row[FEATURES - 1] + (float)label;
  return fw_learner_teach_values(&m->learner, row, targets);
#else
  return fw_learner_teach(&m->learner, row, (uint16_t)label);
#endif
}

static void teach(machine_t *m, uint32_t number) {
  int8_t row[ROW];
  for (uint32_t f = 0; f < ROW; ++f) row[f] = (int8_t)((int32_t)((number * 89u + f * 57u) % 256u) - 128);
  if (teach_row(m, row, number % m->learner.classes) != FW_OK) fail("teach");
}

/* ---- losing power ---- */

static void check_boot(int may_be_coming, int goes_on) {
  machine_t m;
  state_t found;
  boot(&m);
  snapshot(&m, &found);
  if (!same(&found, &committed) && !(may_be_coming && same(&found, &coming))) fail("another state");
  ++cuts;
  if (!goes_on) return;
  state_t again;
  teach(&m, cuts);
  run(&m);
  if (fw_keeper_save(&m.keeper) != FW_OK) fail("no save after a cut");
  run(&m);
  snapshot(&m, &found);
  boot(&m);
  snapshot(&m, &again);
  if (!same(&found, &again)) fail("a save after a cut is lost");
}

/* Power goes before the operation, in the middle of it in several ways, or at its very end. */
static void power_is_lost_at(uint32_t offset, uint32_t word, uint32_t page, int is_erase) {
  enum { WAYS = 6 };
  watching = 0;
  for (uint32_t way = 0; way < WAYS; ++way) {
    int is_complete = 0;
    copy = device;
    if (is_erase) {
      uint8_t *const bytes = copy.bytes + page * PAGE;
      const uint32_t part = chance() % PAGE;
      if (way == 1) memset(bytes, 0xFF, part);
      if (way == 2) memset(bytes + part, 0xFF, PAGE - part);
      for (uint32_t i = 0; i < PAGE && way == 3; ++i) bytes[i] |= (uint8_t)chance();
      for (uint32_t i = 4; i < PAGE && way == 4; ++i) bytes[i] = 0xFF;
      if (way == 5) memset(bytes, 0xFF, PAGE);
      if (way > 0) memset(copy.writes + page * PAGE / 4u, 0, PAGE / 4u);
    } else {
      uint32_t old;
      uint32_t torn = word;
      if (way == 1) torn = word | 0xFFFF0000u;
      if (way == 2) torn = word | 0x0000FFFFu;
      if (way == 3 || way == 4) torn = word | chance();
      memcpy(&old, copy.bytes + offset, 4);
      is_complete = way > 0 && (old & torn) == word;
      torn &= old;
      if (way > 0) memcpy(copy.bytes + offset, &torn, 4);
      if (way > 0) ++copy.writes[offset / 4u];
    }
    flash = &copy;
    check_boot(is_complete, operations % 7u == way);
    flash = &device;
  }
  watching = 1;
}

static void finish_save(machine_t *m) {
  if (m->keeper.store.kind == FW_STORE_STATE) {
    snapshot(m, &coming);
  } else {
    coming = blank;
  }
  while (m->keeper.store.saving) {
    if (fw_keeper_poll(&m->keeper) == FW_KEEPER_SAVED) committed = coming;
  }
}

static int run_cuts(void) {
  static machine_t m;
  memset(device.bytes, 0x00, BYTES); /* as QEMU's fresh flash */
  boot(&m);
  snapshot(&m, &blank);
  committed = coming = blank;
  watching = 1;
  run(&m);
#ifndef VALUES
  uint16_t label;
  if (fw_learner_add_class(&m.learner, "c", &label) != FW_OK) fail("add");
#endif
  uint32_t saves = 0;
  for (uint32_t number = 0; m.learner.updates < UPDATES || number < UPDATES / 3u; ++number) {
    teach(&m, number);
    if (number % 3u != 2u) run(&m);
    while (fw_keeper_is_busy(&m.keeper)) (void)fw_keeper_poll(&m.keeper);
    if (number % 3u != 2u) continue;
    fw_status_t status = fw_keeper_save(&m.keeper);
    finish_save(&m);
    if (number % 9u == 2u) {
      status = fw_keeper_undo(&m.keeper);
      finish_save(&m);
    }
    if (number == 41u) {
      status = fw_keeper_reset(&m.keeper);
      finish_save(&m);
    }
    if (status != FW_OK) fail("save");
    ++saves;
  }
  run(&m);
  printf("{\"operations\": %u, \"cuts\": %u, \"saves\": %u, \"updates\": %u, \"twice\": %u}\n", operations, cuts,
         m.keeper.store.sequence, m.learner.updates, twice);
  return saves > 20u ? 0 : 1;
}

/* ---- the rest ---- */

static void save_and_run(machine_t *m) {
  if (fw_keeper_save(&m->keeper) != FW_OK) fail("save");
  run(m);
}

static int run_flips(void) {
  enum { SAVES = 5 };
  static machine_t m;
  static state_t states[SAVES + 1]; /* after so many saves */
  uint32_t fell_back = 0;
  uint32_t to_factory = 0;
  boot(&m);
  run(&m);
  snapshot(&m, &states[0]);
  for (uint32_t number = 0; number < SAVES; ++number) {
    teach(&m, number);
    run(&m);
    save_and_run(&m);
    snapshot(&m, &states[number + 1u]);
  }
  const uint32_t slot = m.keeper.store.slot_pages * PAGE;
  uint32_t bytes;
  (void)fw_store_image(&m.keeper.store, &bytes);
  flash = &copy;
  for (uint32_t trial = 0; trial < 20000u; ++trial) {
    state_t found;
    copy = device;
    const uint32_t damaged = 1u + trial % SAVES; /* the newest so many records */
    for (uint32_t record = 0; record < damaged; ++record) {
      const uint32_t base = (m.keeper.store.newest + BYTES / slot * slot - record * slot) % (BYTES / slot * slot);
      const uint32_t at = base + chance() % (bytes + 8u);
      const uint32_t flips = 1u + chance() % 8u;
      copy.bytes[at] ^= (uint8_t)(1u << chance() % 8u); /* once for certain */
      for (uint32_t i = 1; i < flips; ++i) {
        const uint32_t other = base + chance() % (bytes + 8u);
        if (other != at) copy.bytes[other] ^= (uint8_t)(1u << chance() % 8u);
      }
    }
    machine_t rebooted;
    boot(&rebooted);
    snapshot(&rebooted, &found);
    if (!same(&found, &states[SAVES - damaged])) fail("not the newest that is left");
    if (damaged < SAVES) {
      ++fell_back;
    } else {
      ++to_factory;
    }
  }
  printf("{\"fell_back\": %u, \"to_factory\": %u}\n", fell_back, to_factory);
  return 0;
}

static int run_wear(uint32_t saves) {
  static machine_t m;
  boot(&m);
  run(&m);
  for (uint32_t number = 0; number < saves; ++number) {
    teach(&m, number);
    run(&m);
    save_and_run(&m);
    if (number % 11u == 3u && fw_keeper_undo(&m.keeper) != FW_OK) fail("undo");
    if (number % 97u == 3u) {
      run(&m);
      if (fw_keeper_reset(&m.keeper) != FW_OK) fail("reset");
    }
    run(&m);
    if (number % 5u == 0u) boot(&m);
  }
  printf("[");
  for (uint32_t page = 0; page < m.keeper.store.slots * m.keeper.store.slot_pages; ++page) {
    printf("%s%u", page ? ", " : "", device.erases[page]);
  }
  printf("]\n");
  return 0;
}

static int run_failing(void) {
  static machine_t m;
  static state_t good, found;
  uint32_t refused = 0;
  boot(&m);
  run(&m);
  teach(&m, 0);
  run(&m);
  save_and_run(&m);
  snapshot(&m, &good);
  device.failing_page = m.keeper.store.next * m.keeper.store.slot_pages;
  for (uint32_t number = 1; number < 60u; ++number) {
    fw_keeper_event_t event;
    teach(&m, number);
    run(&m);
    if (fw_keeper_save(&m.keeper) != FW_OK) fail("save");
    do {
      event = fw_keeper_poll(&m.keeper);
      if (event == FW_KEEPER_NOT_SAVED) ++refused;
      if (event == FW_KEEPER_SAVED) snapshot(&m, &good);
    } while (event != FW_KEEPER_IDLE);
    machine_t other;
    boot(&other);
    snapshot(&other, &found);
    if (!same(&found, &good)) fail("a state that was not saved");
  }
  printf("{\"refused\": %u, \"saves\": %u}\n", refused, m.keeper.store.saves);
  return 0;
}

static float uniform(float most) {
  return most * ((float)(chance() % 2001u) - 1000.0f) / 1000.0f;
}

static void draw_factory(void) {
  for (uint32_t i = 0; i < (FEATURES + 1u) * FACTORY; ++i) head[i] = uniform(0.5f);
  for (uint32_t i = 0; i < FEATURES; ++i) mean[i] = uniform(100.0f), gain[i] = 0.02f + 0.01f * (float)(chance() % 3u);
  for (uint32_t i = 0; i < FACTORY; ++i) names[i][0] = (char)('a' + i);
}

/* Embeddings near their class's own, or anything, or the extremes; labels that are wrong, now and then one class for a
 * long time; classes come and go, states are saved, undone and thrown away. */
static int run_life(uint32_t updates) {
  static machine_t m;
  float largest = 0.0f;
  uint32_t rollbacks = 0;
  uint64_t done = 0;
  uint32_t faults = 0;
  draw_factory();
  config.guard_loss = 1;
  boot(&m);
  run(&m);
  for (uint32_t number = 0; done < updates; ++number) {
    const uint32_t era = number / 4096u % 4u;
    const uint32_t label = era == 3u ? 0u : chance() % m.learner.classes;
    int8_t embedding[ROW];
    for (uint32_t f = 0; f < ROW; ++f) {
      const int32_t noise = (int32_t)(chance() % (era == 0u ? 41u : 256u)) - (era == 0u ? 20 : 128);
      const int32_t near = era == 0u ? (int32_t)((label * 97u + f * 61u) % 200u) - 100 : 0;
      embedding[f] = (int8_t)(era == 2u ? (chance() % 2u ? 127 : -128) : near + noise);
    }
    const uint32_t before = m.learner.updates;
    const uint32_t rolled = m.learner.rollbacks;
    if (teach_row(&m, embedding, label) != FW_OK) fail("teach");
    fw_keeper_event_t event;
    while ((event = fw_keeper_poll(&m.keeper)) != FW_KEEPER_IDLE) faults += event == FW_KEEPER_FAULT;
    if (!HAS_VALUES && number % 16u == 5u && fw_learner_practise(&m.learner, 3) != FW_OK) fail("practise");
    run(&m);
    done += m.learner.updates - before;
    rollbacks += m.learner.rollbacks != rolled;
    for (uint32_t i = 0; i < fw_learner_floats(&config); ++i) {
      const float size = m.learner.head[i] < 0.0f ? -m.learner.head[i] : m.learner.head[i];
      if (!(size <= 1e6f)) fail("a weight is not finite");
      if (size > largest) largest = size;
    }
    if (!HAS_VALUES && number % 1024u == 7u) {
      uint16_t added;
      if (m.learner.classes < CLASSES) {
        (void)fw_learner_add_class(&m.learner, number % 2048u == 7u ? "new" : "other", &added);
      } else if (fw_learner_remove_class(&m.learner, (uint16_t)(chance() % m.learner.classes)) != FW_OK) {
        fail("remove");
      }
      fw_keeper_changed(&m.keeper);
    }
    if (number % 256u == 100u) save_and_run(&m);
    if (number % 4096u == 200u) (void)fw_keeper_undo(&m.keeper);
    run(&m);
    if (number % 65536u == 300u && fw_keeper_reset(&m.keeper) != FW_OK) fail("reset");
    run(&m);
    if (number % 1000u == 0u) {
      state_t kept, found;
      save_and_run(&m);
      snapshot(&m, &kept);
      boot(&m);
      snapshot(&m, &found);
      if (!same(&kept, &found)) fail("another state after a reboot");
    }
  }
  printf("{\"updates\": %llu, \"largest\": %.6g, \"rollbacks\": %u, \"faults\": %u, \"erases\": [",
         (unsigned long long)done, (double)largest, rollbacks, faults);
  for (uint32_t page = 0; page < m.keeper.store.slots * m.keeper.store.slot_pages; ++page) {
    printf("%s%u", page ? ", " : "", device.erases[page]);
  }
  printf("]}\n");
  return 0;
}

static int run_record(void) {
  static machine_t m;
  boot(&m);
  run(&m);
  for (uint32_t number = 0; number < 9u; ++number) {
    teach(&m, number);
    run(&m);
  }
  save_and_run(&m);
  uint32_t bytes;
  const uint8_t *const image = fw_store_image(&m.keeper.store, &bytes);
  fwrite(image, 1, bytes, stdout);
  return 0;
}

/* The state after taking over an image: its status, classes, updates, names and the head. */
static int run_load(const char *path) {
  static machine_t m;
  static uint32_t image[STATE_MOST / 4];
  FILE *const file = fopen(path, "rb");
  if (file == NULL) return 2;
  const uint32_t bytes = (uint32_t)fread(image, 1, sizeof image, file);
  fclose(file);
  boot(&m);
  run(&m);
  const fw_status_t status = fw_keeper_import(&m.keeper, image, bytes);
  const fw_learner_t *const l = &m.learner;
  printf("{\"status\": %d, \"classes\": %u, \"updates\": %u, \"guard\": %u, \"taught\": %u, \"names\": [", status,
         l->classes, l->updates, l->guard_count, l->table[0].taught);
  for (uint32_t c = 0; c < l->classes; ++c) {
    printf("%s\"", c ? ", " : "");
    for (const char *at = l->table[c].name; *at; ++at) putchar(*at >= 'a' && *at <= 'z' ? *at : '?');
    putchar('"');
  }
  printf("], \"head\": [");
  for (uint32_t i = 0; i < (uint32_t)l->classes * FEATURES; ++i) printf("%s%.9g", i ? ", " : "", (double)l->head[i]);
  const uint32_t parameters = 2u * config.adapters.channels;
  const float *const first = l->head + fw_learner_floats(&config) - parameters;
  printf("], \"adapters\": [");
  for (uint32_t i = 0; i < parameters; ++i) printf("%s%.9g", i ? ", " : "", (double)first[i]);
  float trace = 0.0f;
#ifdef FW_RECURSIVE
  for (uint32_t i = 0; i <= FEATURES; ++i) trace += fw_recursive_matrix(l)[i * (i + 1u) / 2u + i];
#endif
  printf("], \"matrix\": %.9g}\n", (double)trace);
  return 0;
}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  const uint32_t number = count > 2 ? (uint32_t)strtoul(arguments[2], NULL, 0) : 1u;
  generator = 0x9E3779B9u ^ number;
  memset(device.bytes, 0xFF, BYTES);
  device.failing_page = PAGES;
  if (strcmp(arguments[1], "cuts") == 0) return run_cuts();
  if (strcmp(arguments[1], "flips") == 0) return run_flips();
  if (strcmp(arguments[1], "wear") == 0) return run_wear(number);
  if (strcmp(arguments[1], "failing") == 0) return run_failing();
  if (strcmp(arguments[1], "life") == 0) return run_life(number);
  if (strcmp(arguments[1], "record") == 0) return run_record();
  if (strcmp(arguments[1], "load") == 0) return run_load(arguments[2]);
  return 2;
}
