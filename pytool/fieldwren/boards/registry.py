"""Whether PlatformIO's registry can be reached."""

from __future__ import annotations

import queue
import threading
import urllib.error
import urllib.request

ANSWER_TIMEOUT_S = 5.0


def registry_answers(timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
    """Asks the registry's hosts, which the installed PlatformIO names, all at once; False after `timeout_s`."""
    from platformio import __registry_mirror_hosts__ as hosts

    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
    for host in hosts:
        # Not joined: name resolution knows no time limit of ours.
        threading.Thread(target=_ask, args=(f"https://api.{host}", timeout_s, answers), daemon=True).start()
    try:
        return any(answers.get(timeout=timeout_s) for _ in hosts)
    except queue.Empty:
        return False


def _ask(address: str, timeout_s: float, answers: queue.SimpleQueue[bool]) -> None:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=timeout_s):
            answers.put(True)
    except urllib.error.HTTPError:
        answers.put(True)  # a refusal is an answer
    except OSError:
        answers.put(False)
