"""Writes boards/costs/adapters/<cpu>.json: what adapters take of each inference besides their layer, for `fieldwren check`.

    python tools/measure_adapters.py

On each emulated core: folding the learned scales and biases into the layer's tables (fw_adapters_fold), a channel; and
making a row of an embedding (fw_adapters_row), a feature, and a pixel and feature where the embedding is a mean over
pixels. Random tables and maps; instructions.
"""

from __future__ import annotations

import json
import struct

from fieldwren import paths
from fieldwren.boards.counting import COUNTED, counting_board
from fieldwren.emulators import emulator_for
from fieldwren.images import cached_image
from fieldwren.sources import Sources

CHANNELS, POSITIONS = 64, 125
_MAIN = """
#include "fw_adapters.h"
#include "fw_measure.h"
#include "fw_port.h"

enum { CHANNELS = %d, POSITIONS = %d };
static uint32_t generator = 1;
static uint32_t chance(void) {
  generator = generator * 1664525u + 1013904223u;
  return generator >> 8;
}
static float head[3 * CHANNELS + 1];
static int8_t embedding[CHANNELS], row[FW_LEARNER_ADAPTED_ROW(CHANNELS)], map[CHANNELS * POSITIONS], shift[CHANNELS];
static int32_t bias[CHANNELS], multiplier[CHANNELS];

int main(void) {
  static fw_learner_t l;
  uint32_t counts[3];
  fw_port_init();
  l.config.features = CHANNELS;
  l.config.classes_most = 1;
  l.config.adapters = (fw_adapter_config_t){CHANNELS, POSITIONS, -128, -128, 1.0f, 0.25f, 20.0f, 1.0f};
  l.head = head;
  for (uint32_t c = 0; c < CHANNELS; ++c) {
    head[CHANNELS + 1 + c] = 0.01f * (float)(chance() %% 100u);
    head[2 * CHANNELS + 1 + c] = 0.01f * (float)(chance() %% 100u) - 0.5f;
    multiplier[c] = (int32_t)((1u << 30) + chance() * 50u);
    shift[c] = (int8_t)(-5 - (int32_t)(chance() %% 4u));
    embedding[c] = (int8_t)((int32_t)(chance() %% 256u) - 128);
  }
  for (uint32_t i = 0; i < CHANNELS * POSITIONS; ++i) map[i] = (int8_t)((int32_t)(chance() %% 256u) - 128);
  const fw_adapter_tables_t tables = {bias, multiplier, shift};
  fw_measure_begin();
  fw_adapters_fold(&l.config.adapters, fw_adapters_parameters(&l), &tables);
  counts[0] = (uint32_t)fw_measure_end();
  fw_measure_begin();
  fw_adapters_row(&l, embedding, map, row);
  counts[1] = (uint32_t)fw_measure_end();
  l.config.adapters.positions = 0;
  fw_measure_begin();
  fw_adapters_row(&l, embedding, map, row);
  counts[2] = (uint32_t)fw_measure_end();
  const int32_t out = fw_port_bulk_open("counts.bin", FW_BULK_WRITE);
  (void)fw_port_bulk_write(out, counts, sizeof counts);
  fw_port_bulk_close(out);
  fw_port_exit(0);
}
"""


def measure(board_id: str) -> dict[str, float]:
    """Instructions a channel, a feature, and a pixel and feature."""
    board = counting_board(board_id)
    sources = Sources(
        files={"measure_adapters.c": (_MAIN % (CHANNELS, POSITIONS)).encode()},
        firmware=("learn/adapters.c",),
        defines={"FW_ADAPTERS": None},
    )
    image = cached_image(sources, board)
    run = emulator_for(board).run_to_exit(image.elf, board, files={}, timeout_s=60, icount=True)
    fold, row, plain = struct.unpack("<3I", run.files_written["counts.bin"])
    return {
        "channel": round(fold / CHANNELS, 1),
        "feature": round(plain / CHANNELS, 1),
        "pixel": round((row - plain) / (CHANNELS * POSITIONS), 2),
    }


def main() -> None:
    """Measures each core and writes its table."""
    folder = paths.boards() / "costs" / "adapters"
    folder.mkdir(exist_ok=True)
    for board_id in COUNTED:
        cpu, table = counting_board(board_id).core.cpu, measure(board_id)
        (folder / f"{cpu}.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(f"{cpu}: {table}")


if __name__ == "__main__":
    main()
