"""A watch of a ring, round by round: `watcher` is fed with views, and tells what has changed as `events`."""
