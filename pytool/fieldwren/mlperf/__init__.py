"""The MLPerf Tiny benchmark: its tasks, firmware that speaks its device protocol, and drivers for both modes.

```python
result = mlperf_tiny("kws.tflite", task="kws01", data="datasets/kws01")
print(result.accuracy, result.auc, result.instructions_per_inference)
```
"""

from __future__ import annotations

from fieldwren.mlperf.benchmark import MlperfResult, mlperf_tiny
from fieldwren.mlperf.sources import benchmark_sources
from fieldwren.mlperf.tasks import TASKS, Task, task_of

__all__ = ["TASKS", "MlperfResult", "Task", "benchmark_sources", "mlperf_tiny", "task_of"]
