"""What a message of the queue holds: a partition to be asked, and the folder it is for; no secret."""

from __future__ import annotations

from taskiq.abc.formatter import TaskiqFormatter

TASK = "cc_async.partition"
FOLDER = "folder"
"""Label of a message: the folder it is for."""


def asked(formatter: TaskiqFormatter, data: bytes) -> str | None:
    """The question of a message, as JSON; None: it is none of ours."""
    try:
        message = formatter.loads(data)
        question, folder = message.kwargs["question"], message.kwargs["folder"]
    except (ValueError, KeyError, TypeError):
        return None
    ours = message.task_name == TASK and not message.args and len(message.kwargs) == 2
    return question if ours and isinstance(question, str) and isinstance(folder, str) else None
