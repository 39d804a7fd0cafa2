/* A short sequence of updates whose result is known: a build that computes other bits must not learn. */
#include "fw_float.h"
#include "learn/learner.h"
#include "runtime/crc32.h"

enum { FEATURES = 6, CLASSES = 3, FACTORY_CLASSES = 2, REPLAY = 2, GUARD = 1, UPDATES = 24 };

#if defined(FW_ADAPTERS)
enum { CHANNELS = 3, ROW = FEATURES + (FEATURES + 1) / 2 };
#else
enum { CHANNELS = 0, ROW = FEATURES };
#endif

#define CONFIG(...)                                                                                                \
  {                                                                                                                \
    FEATURES, CLASSES, REPLAY, GUARD, FW_LOSS_SOFTMAX, 1, 2, GUARD, 0.05f, 0.5f, 0.01f, 0.5f, 0.0f, {__VA_ARGS__}, \
        0.0f                                                                                                       \
  }

FW_COLD static bool is_known_result(const fw_learner_config_t *config, uint32_t expected) {
  static const float head[(FEATURES + 1) * FACTORY_CLASSES] = {0.3f,  -0.7f, 0.1f,  0.9f,  -0.2f, 0.4f,  -0.6f,
                                                               0.25f, 0.8f,  -1.1f, 0.05f, 0.45f, 0.02f, -0.03f};
  static const float mean[FEATURES] = {-100.0f, -20.5f, 3.25f, 0.0f, 17.0f, 60.1f};
  static const float gain[FEATURES] = {0.02f, 0.03f, 0.011f, 0.04f, 0.017f, 0.023f};
  static const char names[FACTORY_CLASSES][FW_LEARNER_NAME_BYTES] = {"a", "b"};
  static const int8_t replay[FACTORY_CLASSES * REPLAY * ROW] = {-90, 12, 7, -3, 44, 81};
  static const uint8_t stored[FACTORY_CLASSES] = {1, 0};
  static const fw_learner_factory_t factory = {head, mean, gain, &names[0][0],   replay, stored,
                                               0,    0,    0,    FACTORY_CLASSES};
  float memory[FW_LEARNER_ADAPTED_BYTES(FEATURES, CLASSES, REPLAY, GUARD, 1, 0, CHANNELS) / sizeof(float)];
  fw_learner_t learner;
  uint16_t label = 0;
  if (fw_learner_start(&learner, config, &factory, memory, sizeof memory) != FW_OK ||
      fw_learner_add_class(&learner, "c", &label) != FW_OK) {
    return false;
  }
  for (uint32_t i = 0; learner.updates < UPDATES; ++i) {
    int8_t row[ROW];
    for (uint32_t f = 0; f < ROW; ++f) row[f] = (int8_t)((int32_t)((i * 89u + f * 57u) % 256u) - 128);
    if (fw_learner_teach(&learner, row, (uint16_t)(i % CLASSES)) != FW_OK) return false;
    while (fw_learner_poll(&learner) != FW_LEARNER_IDLE) {
    }
  }
  return fw_crc32(0, learner.head, fw_learner_floats(config) * (uint32_t)sizeof(float)) == expected;
}

FW_COLD fw_status_t fw_learner_self_test(void) {
  static const fw_learner_config_t plain = CONFIG(0, 0, 0, 0, 0.0f, 0.0f, 0.0f, 0.0f);
  if (!is_known_result(&plain, 0xB4A9AF1Du)) return FW_E_STATE;
#if defined(FW_ADAPTERS)
  static const fw_learner_config_t adapted = CONFIG(CHANNELS, 0, -128, -128, 1.0f, 0.25f, 20.0f, 1.0f);
  if (!is_known_result(&adapted, 0xBECE50A9u)) return FW_E_STATE;
#endif
  return FW_OK;
}
