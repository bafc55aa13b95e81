"""Programs that read the same events: each a process of its own, which prints what it took (`task.Task.done`)."""
