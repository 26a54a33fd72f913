"""A decoder: name the arguments of a command that only one application has.

rtmpscope decodes the AMF values of any command; a decoder for its name says what they are.  The new names show
in the detail pane, in the JSON trace and in filters (rtmp.command.arguments.user == "anna").
"""

NAMES = ("room", "user", "text")


def chat(body, payload):
    for name, field in zip(NAMES, body.child("arguments").children, strict=False):
        field.name = name


def register(registry):
    registry.decoder("sendChatMessage", chat)
