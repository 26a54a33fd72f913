"""Status codes in words: what an information object means by its `code` (RTMP 7.2, and the products named below).

The level is the one that Flash Player's own table of events gives; servers differ, and some send none.
Spelling drifts as well, so codes are looked up without regard to case.
"""

from __future__ import annotations

from typing import Final


class Status:
    """The usual level of a code ("status", "warning" or "error") and its meaning as half a sentence."""

    __slots__ = ("level", "meaning")

    def __init__(self, level: str, meaning: str) -> None:
        self.level: Final = level
        self.meaning: Final = meaning


CODES: Final[dict[str, Status]] = {
    "NetConnection.Call.BadVersion": Status("error", "the message could not be decoded"),
    "NetConnection.Call.Failed": Status("error", "the called method does not exist or failed"),
    "NetConnection.Call.Prohibited": Status("error", "the client's security policy blocked the call"),
    "NetConnection.Connect.AppShutdown": Status("error", "the application on the server is shutting down"),
    "NetConnection.Connect.Closed": Status("status", "the connection is closed"),
    "NetConnection.Connect.Failed": Status("error", "the connection could not be made"),
    "NetConnection.Connect.IdleTimeout": Status("status", "the server drops a client that was idle too long"),
    "NetConnection.Connect.InvalidApp": Status("error", "the server has no application of this name"),
    "NetConnection.Connect.NetworkChange": Status("status", "the client's network changed"),
    # Enhanced RTMP, only to clients whose capsEx contains Reconnect
    "NetConnection.Connect.ReconnectRequest": Status("status", "the server asks the client to connect anew"),
    "NetConnection.Connect.Rejected": Status("error", "the server refuses the connection"),
    "NetConnection.Connect.Success": Status("status", "the connection is accepted"),
    "NetConnection.Proxy.NotResponding": Status("error", "the edge server gets no answer from its origin"),  # Red5
    "NetStream.Buffer.Empty": Status("status", "the playback buffer ran empty"),
    "NetStream.Buffer.Flush": Status("status", "the rest of the buffer is played out"),
    "NetStream.Buffer.Full": Status("status", "the playback buffer is full"),
    "NetStream.Clear.Failed": Status("error", "the stream could not be cleared"),
    "NetStream.Clear.Success": Status("status", "the stream is cleared"),
    "NetStream.Connect.Closed": Status("status", "the peer-to-peer stream is closed"),
    "NetStream.Connect.Failed": Status("error", "the peer-to-peer stream failed"),
    "NetStream.Connect.Rejected": Status("error", "the peer refuses the stream"),
    "NetStream.Connect.Success": Status("status", "the peer-to-peer stream is connected"),
    "NetStream.Data.Start": Status("status", "data of the stream follows"),
    "NetStream.Failed": Status("error", "the stream failed for a reason that has no code"),
    "NetStream.InvalidArg": Status("error", "the arguments of the command are not valid"),
    "NetStream.Pause.Notify": Status("status", "the stream is paused"),
    "NetStream.Play.Complete": Status("status", "playback has reached the end"),
    "NetStream.Play.Failed": Status("error", "the stream cannot be played"),
    "NetStream.Play.FileStructureInvalid": Status("error", "the recorded file is broken"),
    "NetStream.Play.InsufficientBW": Status("warning", "the client is too slow for the stream"),
    "NetStream.Play.NoSupportedTrackFound": Status("error", "the file has no track that can be played"),
    "NetStream.Play.PublishNotify": Status("status", "a publisher has arrived"),
    "NetStream.Play.Reset": Status("status", "the playlist is emptied"),
    "NetStream.Play.Start": Status("status", "playback starts"),
    "NetStream.Play.Stop": Status("status", "playback stops"),
    "NetStream.Play.StreamNotFound": Status("error", "there is no such stream"),
    "NetStream.Play.Switch": Status("status", "the next item of the playlist begins"),
    "NetStream.Play.Transition": Status("status", "the change to another bitrate is accepted"),
    "NetStream.Play.TransitionComplete": Status("status", "the change to another bitrate is done"),
    "NetStream.Play.Unauthorized": Status("error", "the client may not play this"),  # node-media-server
    "NetStream.Play.UnpublishNotify": Status("status", "the publisher has left"),
    "NetStream.Publish.BadName": Status("error", "the stream name is already in use or not allowed"),
    "NetStream.Publish.Denied": Status("error", "the client may not publish here"),  # Wowza
    "NetStream.Publish.Idle": Status("status", "the publisher has sent nothing for a while"),
    "NetStream.Publish.Start": Status("status", "the client may publish"),
    "NetStream.Publish.Unauthorized": Status("error", "the client may not publish this"),  # node-media-server
    "NetStream.Record.AlreadyExists": Status("status", "the file is being recorded already"),
    "NetStream.Record.Failed": Status("error", "recording failed"),
    "NetStream.Record.NoAccess": Status("error", "the stream may not be recorded there"),
    "NetStream.Record.Start": Status("status", "recording starts"),
    "NetStream.Record.Stop": Status("status", "recording stops"),
    "NetStream.Seek.Failed": Status("error", "seeking failed"),
    "NetStream.Seek.InvalidTime": Status("error", "the time to seek to is beyond what is available"),
    "NetStream.Seek.Notify": Status("status", "seeking is done"),
    "NetStream.Step.Notify": Status("status", "the step by frames is done"),
    "NetStream.Transition.Forced": Status("status", "the bitrate was changed by force"),  # Red5
    "NetStream.Transition.Success": Status("status", "the bitrate was changed"),  # Red5
    "NetStream.Unpause.Notify": Status("status", "the stream goes on after a pause"),
    "NetStream.Unpublish.Success": Status("status", "publishing has ended"),
    "Application.GC": Status("status", "the application is about to be unloaded"),
    "Application.Resource.LowMemory": Status("warning", "the application is short of memory"),
    "Application.Script.Error": Status("error", "the application's script failed"),
    "Application.Script.Warning": Status("warning", "the application's script warns"),
    "Application.Shutdown": Status("status", "the application is shutting down"),
    "SharedObject.BadPersistence": Status("error", "the object exists with another persistence"),
    "SharedObject.Flush.Failed": Status("error", "the object could not be stored"),
    "SharedObject.Flush.Success": Status("status", "the object is stored"),
    "SharedObject.NoReadAccess": Status("error", "the client may not read the object"),
    "SharedObject.NoWriteAccess": Status("error", "the client may not change the object"),
    "SharedObject.ObjectCreationFailed": Status("error", "the object could not be created"),
    "SharedObject.UriMismatch": Status("error", "the object belongs to another address than the connection"),
}

_BY_LOWER_CASE: Final = {code.lower(): status for code, status in CODES.items()}


def status(code: str) -> Status | None:
    """What is known of a code, None where nothing is."""
    return _BY_LOWER_CASE.get(code.lower())


def meaning(code: object) -> str:
    """The meaning of a code in words, "" where it is not known."""
    known = status(code) if isinstance(code, str) else None
    return "" if known is None else known.meaning
