"""Every key of the main screen, by subject: the help screen and the command palette are made from this table."""

from __future__ import annotations

from textual.binding import Binding, BindingType

LOOK = Binding.Group("Look")
FIND = Binding.Group("Find")
GO = Binding.Group("Go to")
TAKE = Binding.Group("Take along")
PROGRAM = Binding.Group("Program")

ASKING = ("filter", "find", "go_to", "export")  # actions that open the prompt
KEYS: list[BindingType] = [
    Binding("tab", "pane(1)", "Next pane", group=LOOK),
    Binding("shift+tab", "pane(-1)", "Previous pane", group=LOOK),
    Binding("backslash", "maximise", "This pane alone, or all", group=LOOK),
    Binding("greater_than_sign", "share(1)", "Larger detail pane", group=LOOK),
    Binding("less_than_sign", "share(-1)", "Smaller detail pane", group=LOOK),
    Binding("v", "ladder", "Ladder between client and server, or timeline", group=LOOK),
    Binding("i", "graphs", "Graphs of this connection, or the detail pane", group=LOOK),
    Binding("t", "time_format", "Next time format", group=LOOK),
    Binding("r", "reference", "Count times from this row", group=LOOK),
    Binding("K", "reveal", "Show keys and tokens, or mask them", group=LOOK),
    Binding("F", "follow_end", "Follow the newest rows", group=LOOK),
    Binding("slash", "filter", "Filter the rows", group=FIND, priority=True),
    Binding("f,ctrl+f", "find", "Find a text or bytes", group=FIND, priority=True),
    Binding("full_stop", "find_again(1)", "Find the next", group=FIND),
    Binding("comma", "find_again(-1)", "Find the previous", group=FIND),
    Binding("c", "follow", "This connection only, or all", group=FIND),
    Binding("escape", "clear", "Stop a search; all connections; no filter", group=FIND),
    Binding("n", "problem(1)", "Next problem", group=GO),
    Binding("N", "problem(-1)", "Previous problem", group=GO),
    Binding("colon,ctrl+g", "go_to", "A message number, a time or a packet", group=GO, priority=True),
    Binding("right_square_bracket", "alike(1, 'connection')", "Next row of this connection", group=GO),
    Binding("left_square_bracket", "alike(-1, 'connection')", "Previous row of this connection", group=GO),
    Binding("right_curly_bracket", "alike(1, 'stream')", "Next row of this stream", group=GO),
    Binding("left_curly_bracket", "alike(-1, 'stream')", "Previous row of this stream", group=GO),
    Binding("a", "answer", "Between call and answer; to what decided a connection", group=GO),
    Binding("m", "mark", "Mark this row, or unmark it", group=GO),
    Binding("apostrophe", "return", "Back to the marked row, and again to where you were", group=GO),
    Binding("y", "copy", "Copy what is under the cursor", group=TAKE),
    Binding("ctrl+e", "export", "Export the rows shown as a JSON trace", group=TAKE, priority=True),
    Binding("s", "statistics", "Statistics", group=TAKE),
    Binding("question_mark", "app.help", "Every key", group=PROGRAM),
    Binding("ctrl+p", "app.command_palette", "Every action by name", group=PROGRAM),
    Binding("ctrl+z", "app.suspend_process", "Suspend", group=PROGRAM),
    Binding("q", "app.quit", "Quit", group=PROGRAM),
]
