"""Every key and state of the main screen, driven as a person would and read as rendered text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from rich.style import Style
from textual.command import CommandList
from textual.events import Click, MouseScrollDown
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import WorkerFailed, WorkerState

from rtmpscope.filters import compile
from rtmpscope.model import C2S, Gap, Severity
from rtmpscope.redact import DOTS, Redactor
from rtmpscope.tui import fold
from rtmpscope.tui import keys as tables
from rtmpscope.tui.actions import Actions
from rtmpscope.tui.app import RtmpscopeApp
from rtmpscope.tui.detail import Detail, FieldTree
from rtmpscope.tui.graphs import Graphs
from rtmpscope.tui.help import bindings, help_lines
from rtmpscope.tui.hexpane import HexPane
from rtmpscope.tui.ladder import Ladder
from rtmpscope.tui.main import MainScreen
from rtmpscope.tui.pages import Page
from rtmpscope.tui.palette import sum_of
from rtmpscope.tui.prompt import Prompt
from rtmpscope.tui.sessions import Sessions
from rtmpscope.tui.terminal import leave
from rtmpscope.tui.timeline import WHAT_TO_TRY, RowList, Timeline
from rtmpscope.tui.times import FORMATS
from rtmpscope.tui.view import View
from tests.fake_store import START, FakeStore, HugeStore, rejected_publish
from tests.patience import PATIENCE

Script = Callable[["Driver"], Awaitable[None]]
CAPTURES = Path(__file__).parent.parent / "captures"
ONSTATUS, PUBLISH = 10, 9  # rows of the rejected publish


class Driver:
    """Presses keys and reads the screen."""

    def __init__(self, app: RtmpscopeApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def main(self) -> MainScreen:
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def click(self, pane: str, offset: tuple[int, int], times: int = 1) -> None:
        await self.pilot.pause()  # the pilot looks where the pane is before it waits for it to be laid out
        await self.pilot.click(pane, offset=offset, times=times)
        await self.settle()

    async def settle(self) -> None:
        """Until no worker is at work and every row was taken up."""
        end = monotonic() + PATIENCE
        await asyncio.sleep(0.005)
        while self.main.opening or any(worker.is_running for worker in self.app.workers):
            assert monotonic() < end
            await asyncio.sleep(0.005)
        self.main.tick()
        await asyncio.sleep(0.01)

    async def shows(self, words: str) -> bool:
        """Whether the screen comes to show these words; summaries are filled in behind the rows."""
        for _ in range(100):
            if words in self.text:
                return True
            await self.settle()
        return False

    async def write(self, text: str) -> None:
        self.main.query_one(Prompt).input.value = text
        await self.press("enter")

    @property
    def text(self) -> str:
        """The whole screen, a line for each of its lines."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    @property
    def status(self) -> str:
        return self.text.splitlines()[-1]

    def line(self, words: str) -> str:
        """The line of the screen that holds these words."""
        return next(line for line in self.text.splitlines() if words in line)


def drive(script: Script, store: Any = None, size: tuple[int, int] = (120, 40), **options: Any) -> None:
    async def scenario() -> None:
        app = RtmpscopeApp(store or rejected_publish(), "test.pcap", options.pop("redactor", None), **options)
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            await driver.settle()
            await script(driver)

    asyncio.run(scenario())


def test_the_first_screen_says_what_went_wrong() -> None:
    async def script(screen: Driver) -> None:
        lines = screen.text.splitlines()
        assert lines[0].split() == "rtmpscope test.pcap 2 connections · 8 messages · 1 problem".split()
        assert "#" in lines[1] and "✖ failed" in lines[1] and "NetStream.Publish.BadName" in lines[1]
        assert "● ok" in lines[2] and "plays live/cam1" in lines[2]
        assert lines[4].split() == "No Time # Dir Type Stream csid Ts Length Summary".split()
        assert await screen.shows("connect('live')")
        assert "row 1 of 14" in screen.status and "loaded 100 %" in screen.status

    drive(script)


def test_a_row_reads_number_time_connection_direction_type_and_summary() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n")
        expected = "▸ ✖ 5 0.006 0 ← Command (AMF0) 1 3 6 74 onStatus → 4 NetStream.Publish.BadName".split()
        assert screen.line("▸ ✖").split()[: len(expected) - 1] == expected[:-1]

    drive(script)


KEYS = [
    (["down", "j"], 2),
    (["G"], 13),
    (["G", "g"], 0),
    (["end", "up", "k"], 11),
    (["pagedown"], 13),
    (["ctrl+d"], 10),
    (["ctrl+d", "ctrl+u"], 0),
    (["n"], ONSTATUS),
    (["G", "N"], ONSTATUS),
    (["right_square_bracket"], 1),
    (["n", "left_square_bracket"], PUBLISH),
    (["n", "right_square_bracket"], ONSTATUS),
    (["G", "left_curly_bracket"], 12),
    (["n", "left_curly_bracket", "right_curly_bracket"], ONSTATUS),
    (["n", "a"], PUBLISH),
    (["n", "a", "a"], ONSTATUS),
    (["n", "m", "g", "apostrophe"], ONSTATUS),
]


def test_keys_move_the_cursor() -> None:
    async def script(screen: Driver) -> None:
        for keys, row in KEYS:
            await screen.press("g")
            for key in keys:
                await screen.press(key)
            assert screen.main.row == row, keys

    drive(script)


PLACES = [("5", 10), ("0.04s", 11), ("0.042", 12), ("p18", 13), ("50%", 7), ("100%", 13), ("99", 0), ("nowhere", 0)]


def test_go_to_understands_numbers_times_packets_and_shares() -> None:
    async def script(screen: Driver) -> None:
        for place, row in PLACES:
            await screen.press("g", "colon")
            await screen.write(place)
            await screen.press("escape")
            assert screen.main.row == row, place

    drive(script)


def test_a_wrong_place_is_named_while_it_is_typed() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("colon", *"99")
        assert "no such place" in screen.text
        await screen.press("escape")
        assert "no such place" not in screen.text and screen.main.row == 0

    drive(script)


def test_a_filter_shows_matching_rows_and_keeps_the_selected_one() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "slash")
        await screen.write("rtmp.type == command_amf0")
        assert screen.main.row == ONSTATUS
        assert "4 shown" in screen.status and "/ rtmp.type == command_amf0" in screen.status
        assert "h264" not in screen.text and "publish('s3cretkey99'" in screen.text

    drive(script)


def test_a_filter_that_hides_the_selected_row_goes_to_the_nearest() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "slash")
        await screen.write("rtmp.type == video")
        assert screen.main.row == 11

    drive(script)


def test_a_wrong_filter_is_not_taken_and_says_where_it_is_wrong() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("slash")
        await screen.write("rtmp.type = video")
        assert screen.main.query_one(Prompt).open and "single" in screen.text
        await screen.press("escape")
        assert screen.main.sight.filter == "" and not screen.main.query_one(Prompt).open

    drive(script)


def test_completions_of_a_filter_are_offered_and_taken() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("slash", *"rtmp.typ")
        assert "rtmp.type" in screen.text
        await screen.press("tab")
        assert screen.main.query_one(Prompt).input.value.startswith("rtmp.type")

    drive(script)


def test_a_click_on_a_pane_leaves_the_prompt() -> None:
    async def script(screen: Driver) -> None:
        prompt = screen.main.query_one(Prompt)
        await screen.press("slash", *"rtmp.typ")
        await screen.click("Timeline", (20, 3))
        assert not prompt.open and screen.main.focused is screen.main.rows and screen.main.row == 3
        assert "row 4 of 14" in screen.status
        await screen.press("slash")
        assert prompt.open and screen.main.focused is prompt.input

    drive(script)


def test_a_click_takes_a_completion() -> None:
    async def script(screen: Driver) -> None:
        prompt = screen.main.query_one(Prompt)
        await screen.press("slash", *"rtmp.typ")
        await screen.click("Completions", (5, 1))
        assert prompt.input.value == "rtmp.type_id" and screen.main.focused is prompt.input

    drive(script)


def test_completions_have_the_values_that_the_capture_has() -> None:
    async def script(screen: Driver) -> None:
        screen.app.sight.store.connections[1].note_counts["media-stall"] = 3
        await screen.press("slash", *"rtmp.note.code", "space", "equals_sign", "equals_sign", "space")
        assert "3 times" in screen.line("media-stall")
        await screen.press("tab")
        assert screen.main.query_one(Prompt).input.value == "rtmp.note.code == media-stall"
        await screen.press("escape", "slash", *"rtmp.connection", "space", "equals_sign", "equals_sign", "space")
        assert screen.line("10.77.0.1:38290 → 10.77.0.2:1935").split()[0] == "0"

    drive(script)


def test_an_older_filter_comes_back_with_the_arrow() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("slash")
        await screen.write("rtmp.type == video")
        await screen.press("escape", "slash", "up")
        assert screen.main.query_one(Prompt).input.value == "rtmp.type == video"

    drive(script)


def test_escape_drops_the_followed_connection_then_the_filter() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("G", "c")
        assert "only #1" in screen.status and "3 shown" in screen.status
        await screen.press("slash")
        await screen.write("rtmp.type == video")
        assert "2 shown" in screen.status
        await screen.press("escape")
        assert "only" not in screen.status and "2 shown" in screen.status
        await screen.press("escape")
        assert "shown" not in screen.status

    drive(script)


def test_what_narrows_the_view_stands_beside_the_key_that_widens_it() -> None:
    async def script(screen: Driver) -> None:
        assert "esc" not in screen.status
        await screen.press("c")
        assert screen.status.startswith(" only #0   esc more rows")
        await screen.press("escape")
        assert "esc" not in screen.status

    drive(script)


def test_rows_that_a_filter_hid_are_not_new() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("F", "slash")
        await screen.write("rtmp.type == video")
        await screen.press("g", "escape")
        assert not screen.main.rows.at_end and " new " not in screen.status

    drive(script)


def test_a_small_screen_says_first_how_to_come_to_the_other_panes() -> None:
    async def script(screen: Driver) -> None:
        assert screen.status.startswith(" tab pane   ? help ")

    drive(script, size=(60, 12))


def test_a_file_name_has_the_room_of_the_programs_name_before_it_is_cut() -> None:
    async def script(screen: Driver) -> None:
        assert screen.text.startswith(" rtmpscope  test.pcap ")
        await screen.pilot.resize_terminal(60, 40)
        await screen.settle()
        assert screen.text.startswith(" test.pcap ")

    drive(script)


def test_a_connection_is_followed_from_the_pane_of_connections() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("shift+tab", "down", "enter")
        assert "only #1" in screen.status and "connect('live')" not in screen.text
        assert screen.main.focused is screen.main.rows and "▸# 1" in screen.text
        await screen.press("escape")
        assert "only #1" not in screen.status and "▸#" not in screen.text

    drive(script)


def test_the_answer_is_that_of_the_row_gone_to_though_the_detail_pane_has_another_yet() -> None:
    async def script(screen: Driver) -> None:
        screen.main.action_problem(1)
        screen.main.action_answer()
        assert screen.main.row == PUBLISH
        await screen.press("g", "a")
        assert screen.main.row == 0 and "neither a call nor an answer" in screen.status

    drive(script)


def test_a_notice_is_gone_with_the_next_key() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("c", "G", "n")
        assert "no problem after this row" in screen.status and "only #0" not in screen.status
        await screen.press("g")
        assert "no problem" not in screen.status and "only #0" in screen.status

    drive(script)


def test_a_connection_leads_to_the_message_that_decided_it() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("shift+tab", "a")
        assert screen.main.row == ONSTATUS
        await screen.press("g", "down", "a")
        assert screen.main.row == ONSTATUS and "no message decided" in screen.status

    drive(script)


def test_the_filter_given_at_the_start_is_in_force() -> None:
    async def script(screen: Driver) -> None:
        assert "2 shown" in screen.status

    drive(script, display_filter="rtmp.type == video")


def test_find_goes_on_from_the_cursor_and_round_the_end() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("f")
        await screen.write("H264")
        assert screen.main.row == 11
        await screen.press("full_stop")
        assert screen.main.row == 13
        await screen.press("full_stop")
        assert screen.main.row == 11
        await screen.press("comma")
        assert screen.main.row == 13

    drive(script)


def test_find_looks_for_bytes_in_payloads() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("f")
        await screen.write("0xaf 01")
        assert screen.main.row == 12

    drive(script)


def test_find_says_when_there_is_nothing() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("f")
        await screen.write("no such words")
        assert "not found" in screen.status and screen.main.row == 0

    drive(script)


def test_each_time_format_changes_the_column() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n")
        assert "0.006" in screen.line("▸ ✖")
        titles = []
        for _ in FORMATS:
            await screen.press("t")
            titles.append(screen.text.splitlines()[4].split()[1])
        assert titles == ["Delta", "Ref", "Clock", "UTC", "Time"]

    drive(script)


def test_times_count_from_the_reference_and_from_the_row_before() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "r", "down")
        assert "+0.034" in screen.line("▸ ")
        await screen.press("up", "up")
        assert "-0.001" in screen.line("▸ ")
        await screen.press("down", "r")
        assert screen.main.sight.time_format is FORMATS[0]

    drive(script)


def test_marks_are_shown_and_taken_away() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "m")
        assert "▸◆✖" in screen.text
        await screen.press("m")
        assert "◆" not in screen.text

    drive(script)


def test_the_way_back_leads_through_the_marks_newest_first_and_then_to_where_it_began() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("apostrophe")
        assert screen.main.row == 0 and "no marked rows" in screen.text
        await screen.press("m", "n", "m", "G", "up")
        began = screen.main.row
        places = []
        for _ in range(4):
            await screen.press("apostrophe")
            places.append(screen.main.row)
        assert places == [ONSTATUS, 0, began, ONSTATUS]

    drive(script)


def test_the_ladder_draws_arrows_between_client_and_server() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "v")
        assert "client 10.77.0.1:38290" in screen.text and "server 10.77.0.2:1935" in screen.text
        assert "── connect('live') ──" in screen.line("connect(") and screen.line("connect(").endswith("▶│")
        problem = screen.line("BadName  +0.4 ms")
        assert "│◀═" in problem and problem.startswith("▸ ✖")
        await screen.press("v")
        assert screen.main.row == ONSTATUS and not screen.main.query_one(Ladder).display

    drive(script)


def test_the_ladder_says_the_time_where_it_changes_and_at_the_top_of_the_screen() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("v")
        assert "0.000" in screen.line("Handshake C0") and "0.000" not in screen.line("Handshake C1")
        await screen.press("end")
        assert "Handshake C0" not in screen.text
        assert "0.000" in screen.line("Handshake C1") and "0.000" not in screen.line("Handshake S0")

    drive(script, size=(80, 24))


def test_a_row_inside_a_run_of_media_is_stood_on_in_the_ladder_and_gone_on_from() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("v", "colon")
        await screen.write("7")
        assert screen.main.row == 12 and "2 video, 1 audio in 40.0 ms, at 7" in screen.line("▸")
        assert "Message 7" in screen.text and "◆" not in screen.text
        await screen.press("m")
        assert "▸◆" in screen.line("at 7")
        await screen.press("right_square_bracket")
        assert screen.main.row == 13 and "at 8" in screen.line("▸") and "Message 8" in screen.text
        await screen.press("v")
        assert screen.main.row == 13

    drive(script)


def test_the_ladder_folds_a_run_of_media() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("G", "v")
        assert "2 video, 1 audio in 40.0 ms" in screen.text
        assert screen.main.row == 13

    drive(script)


def test_the_detail_pane_shows_notes_fields_and_bytes() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n")
        assert "Message 5  command_amf0, 74 bytes, 1 chunk, packet 15" in screen.text
        assert "✖ the stream name is already in use" in screen.text
        assert "'NetStream.Publish.BadName'" in screen.text
        assert "02 00 08 6f 6e 53 74 61 74 75 73" in screen.text

    drive(script, size=(200, 50))


def test_a_field_lights_up_its_bytes_and_a_byte_leads_to_its_field() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "tab", "down", "down", "down")
        detail = screen.main.query_one(Detail)
        assert detail.fields.node is not None and detail.fields.node.name == "name"
        assert detail.hex.lit == (0, 11)
        await screen.press("tab", *["right"] * 12)
        assert isinstance(screen.app.focused, HexPane)
        assert detail.fields.node.name == "transaction_id" and detail.hex.lit == (11, 20)

    drive(script, size=(200, 50))


def test_groups_open_and_close() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "tab")
        fields = screen.main.query_one(Detail).fields
        lines = fields.total()
        await screen.press("left")
        assert fields.total() == 1
        await screen.press("right")
        assert fields.total() == lines
        await screen.press("plus")
        assert fields.total() > lines

    drive(script)


def test_copying_takes_the_row_the_value_or_the_bytes() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "y")
        assert screen.app.clipboard.startswith("✖ 5 ") and "NetStream.Publish.BadName" in screen.app.clipboard
        await screen.press("tab", "down", "down", "down", "y")
        assert screen.app.clipboard == "onStatus"
        await screen.press("tab", "y")
        assert screen.app.clipboard == "02 00 08 6f 6e 53 74 61 74 75 73"

    drive(script, size=(200, 50))


def test_the_connection_under_the_cursor_is_told_in_full_while_connections_have_the_focus() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "shift+tab")
        assert "connection 0  10.77.0.1:38290 → 10.77.0.2:1935" in screen.text
        await screen.press("down")
        assert "plays live/cam1" in screen.text and "Message 5" not in screen.text
        await screen.press("tab")
        assert "Message 5" in screen.text

    drive(script, size=(80, 24))


def test_the_fields_have_the_room_of_bytes_that_are_not_there() -> None:
    store = rejected_publish()
    store.events[1] = Gap(0, C2S, 5, START, 100, 7, "lost")

    async def script(screen: Driver) -> None:
        bytes_pane = screen.main.query_one(HexPane)
        assert bytes_pane.display
        await screen.press("down", "tab")
        assert not bytes_pane.display and "7 bytes missing" in screen.text
        await screen.press("tab")
        assert screen.main.focused is screen.main.query_one("#sessions")
        await screen.press("tab", "down")
        assert bytes_pane.display

    drive(script, store)


def test_keys_are_masked_until_they_are_revealed() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("colon")
        await screen.write("4")
        assert "s3cretkey99" not in screen.text and "33 63 72 65 74" not in screen.text
        assert "••••" in screen.text
        await screen.press("y")
        assert "s3cretkey99" not in screen.app.clipboard
        await screen.press("K")
        assert "s3cretkey99" in screen.line("▸ ") and "33 63 72 65 74" in screen.text
        await screen.press("K")
        assert "s3cretkey99" not in screen.text

    drive(script, redactor=Redactor(style=DOTS))


def test_a_value_that_the_tree_has_no_room_for_is_read_on_a_page() -> None:
    def reads(shown: str) -> Script:
        async def script(screen: Driver) -> None:
            await screen.press("n", "up", "tab")
            fields = screen.main.detail.fields
            fields.move_to(next(line for line, (node, _, _) in enumerate(fields.shown) if node.name == "stream_name"))
            await screen.press("enter")
            head, *lines = screen.text.splitlines()
            assert "stream_name" in head and "q back" in head
            assert "".join(line[:79].strip() for line in lines) == shown
            await screen.press("q")
            assert screen.main.focused is fields

        return script

    name = "".join(f"{place:03}" for place in range(200))
    drive(reads(name), rejected_publish(name), size=(80, 24))
    drive(reads("••••"), rejected_publish(name), size=(80, 24), redactor=Redactor(style=DOTS))


def test_a_key_in_a_note_is_masked_too() -> None:
    store = rejected_publish()
    store.events[ONSTATUS].note("quoted", Severity.NOTE, "'s3cretkey99' is in use")

    async def script(screen: Driver) -> None:
        await screen.press("n", "up", "down")
        assert "'••••' is in use" in screen.text

    redactor = Redactor(style=DOTS)
    redactor.secret("s3cretkey99")
    drive(script, store, redactor=redactor)


def test_a_long_note_is_broken_into_lines() -> None:
    store = rejected_publish()
    store.events[0].note("long", Severity.NOTE, " ".join(f"word{place}" for place in range(20)))

    async def script(screen: Driver) -> None:
        assert "• word0 word1" in screen.text and "word19 (long)" in screen.text
        await screen.pilot.resize_terminal(60, 40)
        await screen.settle()
        assert "word19 (long)" in screen.text

    drive(script, store)


def test_the_help_lists_every_key() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("question_mark")
        page = screen.app.screen
        assert isinstance(page, Page)
        for width in (80, 200):
            lines = ["".join(text for text, _ in line) for line in page.make(width)]
            for binding in screen.main.BINDINGS:
                assert any(binding.description in line for line in lines)
            assert all(len(line) <= width for line in lines)
        assert all(sum_of(line) <= 40 for line in page.make(40))
        await screen.press("q")
        assert screen.app.screen is screen.main

    drive(script)


def test_the_command_palette_has_every_action() -> None:
    async def script(screen: Driver) -> None:
        commands = {command.title for command in screen.app.get_system_commands(screen.main)}
        named = {binding.description for subject, binding in bindings() if subject not in ("Prompt", "A page")}
        assert named <= commands and len(named) > 50

    drive(script)


def test_an_action_runs_from_the_command_palette() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p")
        await screen.press(*"ladder between")
        await screen.pilot.pause(0.5)
        await screen.press("enter", "enter")
        assert screen.main.as_ladder

    drive(script)


def test_an_action_of_a_pane_runs_from_the_command_palette_too() -> None:
    async def script(screen: Driver) -> None:
        offered = {command.title: command.callback for command in screen.app.get_system_commands(screen.main)}
        await screen.press("n")
        for title in ("Next line", "Close the group, or go to its parent"):
            await offered[title]()
            await screen.settle()
        assert screen.main.row == ONSTATUS + 1 and screen.main.query_one(Detail).fields.total() == 1

    drive(script)


def test_graphs_take_the_place_of_the_detail_pane() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("G", "i")
        assert screen.main.query_one(Graphs).display and not screen.main.query_one(Detail).display
        assert "tab and ↓ for the next" in screen.line(" bitrate ")
        await screen.press("tab", "down")
        assert "2 of 5" in screen.line(" frame rate ")
        await screen.press("down")
        assert "media behind its timestamps" in screen.text
        await screen.press("left")
        assert screen.main.row == 12
        await screen.press("i")
        assert screen.main.query_one(Detail).display

    drive(script)


def test_graphs_are_of_the_connection_that_was_gone_to_while_others_were_made() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("i")
        graphs = screen.main.query_one(Graphs)
        made, graphs.working = graphs.charts, True
        await screen.press("G")
        assert graphs.connection == 0 and "reading the connection" in screen.text
        graphs.made(made)
        await screen.settle()
        assert graphs.connection == 1 and graphs.charts is not made and graphs.charts

    drive(script)


def test_the_mouse_goes_to_a_time_in_a_graph_and_to_the_next_graph() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("G", "i")
        graphs = screen.main.query_one(Graphs)
        for number in (2, 3):
            await screen.pilot._post_mouse_events([MouseScrollDown], graphs, (5, 3))
            await screen.settle()
            assert f"{number} of 5" in screen.text
        await screen.click("Graphs", (12, 3))
        assert screen.main.row == 11  # the first of the connection
        await screen.click("Graphs", (graphs.size.width - 3, 3))
        assert screen.main.row == 13

    drive(script)


def test_graphs_come_up_on_a_screen_with_room_for_one_pane() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("G", "i")
        assert " bitrate " in screen.text
        await screen.press("i")
        assert "bitrate" not in screen.text and screen.main.focused is screen.main.rows

    drive(script, size=(40, 12))


def test_the_place_is_the_last_that_a_narrow_status_line_gives_up() -> None:
    async def script(screen: Driver) -> None:
        assert screen.status.split() == "row 1 of 14".split()
        await screen.press("G")
        assert "row 14 of 14" in screen.status

    drive(script, size=(20, 5))


def test_a_ladder_is_of_a_connection_whose_rows_come_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "STEP", 2)

    async def script(screen: Driver) -> None:
        await screen.press("G", "v")
        assert await screen.shows("2 video, 1 audio") and screen.main.row == 13

    drive(script)


def test_a_ladder_shows_the_connection_that_a_filter_leaves() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "v", "slash")
        await screen.write("rtmp.connection == 1")
        assert await screen.shows("2 video, 1 audio")
        assert screen.main.row == 11 and "3 shown" in screen.status

    drive(script)


def test_a_narrow_ladder_names_client_and_server_without_their_addresses() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("v")
        assert screen.text.splitlines()[1].split() == ["client", "server"]

    drive(script, size=(38, 12))


def test_help_is_whole_on_a_narrow_screen() -> None:
    words = [word for _, binding in bindings() for word in binding.description.split()]
    lines = help_lines(19)
    told = " ".join(text for line in lines for text, _ in line).split()
    assert all(sum_of(line) <= 19 for line in lines) and set(words) <= set(told)


def test_arrows_go_through_the_connection_where_a_graph_is_empty() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("i", "tab")
        graphs = screen.main.query_one(Graphs)
        graphs.charts = []
        await screen.press("right")
        assert screen.main.row == 6  # the first row that is later than the one before it
        await screen.press("left")
        assert screen.main.row == 5

    drive(script)


def test_a_second_click_beside_the_palette_leaves_the_main_screen_alone() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p")
        palette = screen.app.screen
        for _ in range(2):  # the second one was under way when the first one took the palette away
            palette.post_message(Click(palette, 1, 1, 0, 0, 1, False, False, False))
        await screen.settle()
        assert screen.app.screen is screen.main
        await screen.press("n")
        assert screen.main.row == ONSTATUS

    drive(script)


def test_a_click_on_a_command_that_the_palette_no_longer_has_does_no_harm() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p")
        commands = screen.app.screen.query_one(CommandList)
        click = Click(commands, 1, 1, 0, 0, 1, False, False, False)
        click.style = Style(meta={"option": 1_000})
        commands.post_message(click)
        await screen.press("escape")
        assert screen.app.screen is screen.main

    drive(script)


def test_themes_are_chosen_from_a_palette_that_may_be_left_twice() -> None:
    async def script(screen: Driver) -> None:
        screen.app.action_change_theme()
        await screen.press(*"nord")
        assert isinstance(screen.app.screen, Actions)
        await screen.press("enter", "enter")
        assert screen.app.theme == "nord" and screen.app.screen is screen.main

    drive(script)


def test_a_list_may_be_drawn_before_it_has_taken_up_that_its_lines_are_gone() -> None:
    async def script(screen: Driver) -> None:
        main = screen.main
        await screen.press("v")
        main.sight.view = View(main.sight.store, compile("rtmp.type == abort"))
        for rows in main.query(RowList):
            for line in range(10):
                rows.render_line(line)

    drive(script)


def test_the_palette_is_seen_and_used_on_a_screen_of_five_lines() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p", *"ladder")
        assert "ladder" in screen.text.splitlines()[0]
        assert await screen.shows("Ladder between")
        await screen.press("enter")
        assert screen.main.as_ladder

    drive(script, size=(30, 5))


def test_a_page_down_in_a_palette_that_is_not_laid_out_yet_does_no_harm() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p")
        commands = screen.app.screen.query_one(CommandList)
        commands.highlighted = 3
        commands._index_to_line.clear()
        await screen.press("pagedown", "pageup", "escape")
        assert screen.app.screen is screen.main

    drive(script)


def test_a_letter_on_its_way_to_a_palette_that_is_left_does_no_harm() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+p")
        palette = screen.app.screen
        assert isinstance(palette, Actions)
        await palette.query_one(CommandList).remove()
        worker = palette._gather_commands("x")
        with suppress(WorkerFailed):
            await worker.wait()
        palette.dismiss()
        await screen.press("n")
        assert worker.state == WorkerState.ERROR and screen.main.row == ONSTATUS

    drive(script)


def test_a_ladder_leads_back_to_a_timeline_that_a_filter_has_emptied_meanwhile() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n", "v", "slash")
        await screen.write("rtmp.type == abort")
        await screen.press("v")
        assert "No row matches the filter" in screen.text
        await screen.press("escape")
        assert screen.main.row == ONSTATUS

    drive(script)


def test_the_palette_names_every_action_with_the_keys_that_a_keyboard_has() -> None:
    async def script(screen: Driver) -> None:
        offered = {command.title: command.help for command in screen.app.get_system_commands(screen.main)}
        assert offered["A message number, a time or a packet"] == ":  ctrl+g"
        assert {binding.description for binding in tables.KEYS} < offered.keys()

    drive(script)


def test_a_small_screen_tells_the_verdict_beside_the_connections() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("shift+tab")
        assert "✖" in screen.line("# 0") and "●" in screen.line("# 1")
        assert "failed" not in screen.line("# 0") and "NetStream.Publish" in screen.line("# 0")
        assert screen.line("connection 0").strip() and screen.text.count("NetStream.Publish.BadName") >= 1
        await screen.press("down")
        assert "connection 1" in screen.text and "connection 0" not in screen.text

    drive(script, size=(38, 12))


def test_the_smallest_screen_has_the_connections_alone() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("shift+tab")
        assert [line[:7] for line in screen.text.splitlines()[1:3]] == [" # 0 ✖ ", " # 1 ● "]
        assert "connection 0" not in screen.text

    drive(script, size=(20, 5))


def test_rows_that_are_not_taken_up_yet_are_being_read_not_filtered_out() -> None:
    async def script(screen: Driver) -> None:
        assert "Reading …" in screen.main.rows.placeholder()

    drive(script)


def test_a_capture_that_grows_is_waited_for_not_read() -> None:
    store = rejected_publish()
    store.visible, store.complete, store.reader.size = 0, False, None

    async def script(screen: Driver) -> None:
        assert "Waiting for RTMP …" in screen.text

    drive(script, store, live=True)


def test_tab_goes_round_the_panes() -> None:
    async def script(screen: Driver) -> None:
        seen = []
        for _ in range(4):
            seen.append(type(screen.app.focused).__name__)
            await screen.press("tab")
        assert seen == ["Timeline", "FieldTree", "HexPane", "Sessions"]

    drive(script)


def test_a_pane_fills_the_screen_and_goes_back() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("backslash")
        assert not screen.main.query_one(Sessions).display and not screen.main.query_one(Detail).display
        await screen.press("backslash")
        assert screen.main.query_one(Sessions).display and screen.main.query_one(Detail).display

    drive(script)


def test_below_twenty_lines_tab_switches_between_panes() -> None:
    async def script(screen: Driver) -> None:
        assert not screen.main.query_one(Detail).display
        await screen.press("n", "tab")
        assert screen.main.query_one(Detail).display and not screen.main.query_one("#rows").display
        assert "Message 5" in screen.text
        await screen.press("tab", "tab")
        assert screen.main.query_one(Sessions).display and "NetStream.Publish.BadName" in screen.text

    drive(script, size=(80, 15))


def test_eighty_columns_keep_number_time_direction_type_and_summary() -> None:
    async def script(screen: Driver) -> None:
        assert screen.text.splitlines()[4].split() == "No Time # Dir Type Summary".split()
        await screen.press("n")
        assert "onStatus → 4" in screen.line("▸ ✖")
        await screen.press("c")  # the connection is known now
        assert screen.text.splitlines()[4].split() == "No Time Dir Type Summary".split()

    drive(script, size=(80, 24))


def test_a_narrow_row_says_its_type_in_the_summary() -> None:
    async def script(screen: Driver) -> None:
        assert "Window Ack Size" in screen.text

    drive(script, size=(46, 30))


def test_new_rows_do_not_move_the_selection() -> None:
    store = rejected_publish()
    store.visible, store.complete = 8, False

    async def script(screen: Driver) -> None:
        await screen.press("G")
        store.visible = 14
        screen.main.tick()
        assert screen.main.row == 7 and "row 8 of 14" in screen.text

    drive(script, store)


def test_following_the_newest_rows_goes_with_them_until_the_cursor_leaves() -> None:
    store = rejected_publish()
    store.visible, store.complete = 8, False

    async def script(screen: Driver) -> None:
        await screen.press("F")
        store.visible = 10
        await screen.settle()
        assert screen.main.row == 9
        await screen.press("up")
        store.visible = 14
        await screen.settle()
        assert screen.main.row == 8 and "4 new" in screen.status
        await screen.press("G")
        assert " new " not in screen.status

    drive(script, store)


def test_a_capture_without_rtmp_says_what_it_holds_instead_and_what_to_try() -> None:
    store = FakeStore([], [], [])
    store.reader.files = [SimpleNamespace(path=str(CAPTURES / "rtmps-tls12.pcapng"), packets=243)]

    async def script(screen: Driver) -> None:
        assert "No RTMP in 243 packets." in screen.text
        assert await screen.shows("Found instead: TCP port 443 (243 packets).")
        assert "…" not in "".join(screen.main.rows.placeholder()) and all(map(screen.text.__contains__, WHAT_TO_TRY))

    drive(script, store, size=(80, 24))


def test_an_empty_capture_says_so() -> None:
    async def script(screen: Driver) -> None:
        assert "0 connections · 0 messages" in screen.text and "No packets." in screen.text
        for key in ("n", "G", "a", "m", "c", "y", "r", "v", "enter", "right_square_bracket", "f", "escape", "i"):
            await screen.press(key)

    drive(script, FakeStore([], [], []))


def test_every_size_is_drawn() -> None:
    async def script(screen: Driver) -> None:
        for size in ((1, 1), (2, 1), (5, 3), (20, 5), (7, 40), (300, 2), (300, 100)):
            await screen.pilot.resize_terminal(*size)
            for key in ("n", "v", "tab", "tab", "i", "tab", "slash", "escape", "question_mark", "q", "i", "v"):
                await screen.press(key)
            assert screen.text.count("\n") == size[1] - 1

    drive(script)


def test_resizing_back_and_forth_keeps_the_selection() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("n")
        before = screen.text
        for size in ((20, 5), (1, 1), (200, 50), (120, 40)):
            await screen.pilot.resize_terminal(*size)
            await screen.settle()
        assert screen.main.row == ONSTATUS and screen.text == before

    drive(script)


def test_a_million_rows_are_asked_for_only_where_they_are_seen() -> None:
    store = HugeStore(1_000_000)

    async def script(screen: Driver) -> None:
        store.asked = 0
        await screen.press("colon")
        await screen.write("700000")
        assert screen.main.row == 699_999
        assert store.asked < 40 * 12  # lines of the screen, a few rows asked for by each, a few paints

    drive(script, store)


def test_a_filter_over_a_million_rows_shows_its_first_matches_at_once() -> None:
    store = HugeStore(1_000_000)
    store.complete = False  # the scan goes on until the screen is left

    async def script(screen: Driver) -> None:
        await screen.press("slash")
        screen.main.query_one(Prompt).input.value = "rtmp.type == video"
        await screen.pilot.press("enter")
        for _ in range(50):
            await screen.pilot.pause(0.02)
            if len(screen.main.sight.view) > 0:
                break
        assert len(screen.main.sight.view) > 0 and "shown" in screen.text
        await screen.pilot.press("slash", *"x")
        assert screen.main.query_one(Prompt).input.value.endswith("x")
        store.complete = True

    drive(script, store)


def test_a_row_that_cannot_be_opened_is_a_notice_and_no_crash() -> None:
    store = rejected_publish()

    def failing(message: Any) -> Any:
        raise OSError("the capture is gone")

    store.describe = failing  # type: ignore[method-assign]

    async def script(screen: Driver) -> None:
        await screen.press("down")
        assert "cannot be opened: the capture is gone" in screen.status

    drive(script, store)


def test_hostile_text_reaches_no_line_unescaped() -> None:
    hostile = "\x1b]0;owned\x07\x9b31m[/foo][@click=app.bell]x[/]\u202eevil\x00"
    store = rejected_publish(hostile)
    store.summaries = [hostile] * len(store.summaries)
    for event in store.events:
        event.note("hostile", Severity.ERROR, hostile)

    async def script(screen: Driver) -> None:
        for key in ("down", "n", "v", "v", "tab", "plus", "down", "down", "tab", "i"):
            await screen.press(key)
            assert all(character.isprintable() or character == "\n" for character in screen.text)
        assert "\\x1b]0;owned" in screen.text and "[/foo]" in screen.text

    drive(script, store)


def test_a_mistake_while_loading_is_said_and_what_was_loaded_stays() -> None:
    store = rejected_publish()

    def load() -> None:
        raise KeyError("s3cretkey99")

    store.load = load  # type: ignore[method-assign]

    async def script(screen: Driver) -> None:
        await asyncio.sleep(0.1)
        await screen.settle()
        assert "loading ended early" in screen.status or "internal error, KeyError, test_tui_app.py" in store.error
        assert "s3cretkey99" not in store.error and "connect('live')" in screen.text

    drive(script, store)


def test_the_mouse_selects_opens_and_scrolls() -> None:
    async def script(screen: Driver) -> None:
        await screen.click("Timeline", (20, 10))
        assert screen.main.row == ONSTATUS
        await screen.click("Timeline", (20, 10), times=2)
        assert isinstance(screen.app.focused, FieldTree)
        await screen.click("HexPane", (1 + 8 + 3 * 3, 1))
        assert screen.main.query_one(Detail).hex.place == 11
        await screen.click("Sessions", (20, 1), times=2)
        assert "only #1" in screen.status

    drive(script)


def test_the_wheel_moves_the_view_and_not_the_cursor() -> None:
    async def script(screen: Driver) -> None:
        timeline = screen.main.query_one(Timeline)
        await screen.pilot.pause()
        await screen.pilot._post_mouse_events([MouseScrollDown], timeline, (5, 3))
        await screen.settle()
        assert timeline.scroll_offset.y > 0 and screen.main.row == 0

    drive(script, HugeStore(10_000))


def test_statistics_are_a_page_to_read_and_leave() -> None:
    async def script(screen: Driver) -> None:
        await screen.press("s")
        assert "connection 0" in screen.text and "✖ failed" in screen.text
        await screen.press("q")
        assert screen.app.screen is screen.main

    drive(script)


def test_statistics_have_the_width_of_the_terminal_and_follow_it() -> None:
    async def script(screen: Driver) -> None:
        screen.app.sight.store.connections[0].note_counts = {f"code-{number:02}": 1 for number in range(12)}
        await screen.press("s")
        await screen.pilot.resize_terminal(60, 40)
        await screen.settle()
        assert "code-11" in screen.text and "code-11" not in screen.line("code-00")
        await screen.pilot.resize_terminal(180, 40)
        await screen.settle()
        assert "code-11" in screen.line("code-00")

    drive(script)


def test_the_rows_shown_are_exported(tmp_path: Path) -> None:
    path = tmp_path / "shown.jsonl"

    async def script(screen: Driver) -> None:
        await screen.press("ctrl+e")
        await screen.write(str(tmp_path / "no" / "such.jsonl"))
        assert "there is no folder" in screen.text
        await screen.write(str(path))
        assert f"2 rows written to {tmp_path}"[:20] in screen.status
        assert len(path.read_text().splitlines()) == 5

    drive(script, display_filter="rtmp.type == video")


@pytest.mark.parametrize("name", ["~nobody-of-this-name/trace", "a" * 300 + "/trace", "trace\x00/trace"])
def test_a_file_of_any_name_is_asked_for(name: str) -> None:
    async def script(screen: Driver) -> None:
        await screen.press("ctrl+e")
        await screen.write(name)
        assert "there is no folder" in screen.text

    drive(script)


def test_a_file_that_is_there_is_written_over_at_the_second_enter(tmp_path: Path) -> None:
    there = tmp_path / "there.jsonl"
    there.write_text("kept")

    async def script(screen: Driver) -> None:
        await screen.press("ctrl+e")
        await screen.write(str(there))
        assert "enter once more writes over it" in screen.text and there.read_text() == "kept"
        await screen.press("x", "backspace", "enter")
        assert "2 rows written" in screen.status and len(there.read_text().splitlines()) == 5

    drive(script, display_filter="rtmp.type == video")


def test_a_signal_while_the_screen_is_built_ends_the_program_and_is_no_error() -> None:
    class Hurried(RtmpscopeApp):
        def get_default_screen(self) -> Screen[None]:
            leave(self, 143)
            return super().get_default_screen()

    app = Hurried(rejected_publish(), "test.pcap", None)
    asyncio.run(asyncio.wait_for(app.run_async(headless=True), PATIENCE))
    assert app.return_code == 143


def test_a_live_capture_is_followed_and_the_first_ctrl_c_only_stops_it() -> None:
    store = rejected_publish()
    store.visible, store.complete = 8, False
    stopped = []
    store.reader.stop = lambda: stopped.append(True)

    async def script(screen: Driver) -> None:
        store.visible = 12
        await screen.settle()
        assert screen.main.row == 11
        await screen.press("ctrl+c")
        assert stopped == [True] and screen.app.return_code is None and "ctrl+c once more leaves" in screen.status
        await screen.pilot.press("ctrl+c")
        assert screen.app.return_code == 130

    drive(script, store, live=True)
